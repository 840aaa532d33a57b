#pragma once

#include <sys/stat.h>

// The path under which a file with several names was packed before; NULL the first time.
const char *seen_before(const struct stat *status, const char *path);
