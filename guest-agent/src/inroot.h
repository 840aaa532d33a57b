// Paths inside the machine's root, whatever links are in it.
#pragma once

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

// open() with the path and every link on its way resolved as if `root` were /. Returns a descriptor or -errno.
int root_open(const char *path, int flags);
// Opens a directory, making what is missing of it (mode 0755, owner root).
int root_directory(const char *path);
FILE *root_fopen(const char *path);
