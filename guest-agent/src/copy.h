// Files in and out as archives: in the guest as operations with pipes, on the host as a helper of the same program.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// In forked children, channels in place.
_Noreturn void pack_operation(const uint8_t *payload, size_t length, bool tty);
_Noreturn void unpack_operation(const uint8_t *payload, size_t length, bool tty);
_Noreturn void store_operation(const uint8_t *payload, size_t length, bool tty);

// --pack FLAGS (PATH NAME)... | --unpack FLAGS PATH, the paths in hexadecimal. False if they are not that.
bool copy_helper(int argc, char **argv);
// A path, or NULL when that is no hexadecimal, has a NUL in it, or there is no memory; the caller frees it.
char *from_hex(const char *hex);
