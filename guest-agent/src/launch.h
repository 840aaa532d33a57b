#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// In the forked child, channels in place: becomes the user, and then the command. What fails is reported with the
// step it failed in.
void launch(const uint8_t *payload, size_t length, bool tty);
