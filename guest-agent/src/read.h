#pragma once

#include <stdbool.h>
#include <stddef.h>

// The first line of a small file, without its end; false when it cannot be read. Longer lines are cut.
bool read_line(const char *path, char *line, size_t size);
// The beginning of a file, as much of it as fits, ended by NUL; false when it cannot be read.
bool read_text(const char *path, char *text, size_t size);
