#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The device of the drive with that serial; waits for it as long as a slow machine may need. 0 or -errno.
int disk_find(const char *serial, char *device, size_t size);
// Waits until the device is that large. 0 or -errno.
int disk_await(const char *device, uint64_t bytes);
// Grows the ext4 file system on a device to the device's size, mounted at `mounted`. `*bytes` is its size then.
int disk_grow(const char *device, const char *mounted, bool grow, uint64_t *bytes);
