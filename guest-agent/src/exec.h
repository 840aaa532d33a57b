#pragma once

#include <stddef.h>
#include <stdint.h>

// Starts a command, with pipes or a terminal of its own. RESULT follows when it has been executed, or could not be.
void exec_start(uint32_t id, const uint8_t *payload, size_t length);
