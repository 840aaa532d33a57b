// The number of a boot. The kernel makes it once and knows no way to change it, so a file is laid over it.
#pragma once

#include <stdbool.h>

// Has every reader see `id` from now on; false, with errno, when it could not be done.
bool boot_id_set(const char *id);
// Lays the file over the kernel's number with the same number in it, so that to change it is a write and nothing else.
void boot_id_cover(void);
