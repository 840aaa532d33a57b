#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// What a child does once its channels are in place; it does not return.
typedef void command(const uint8_t *payload, size_t length, bool tty);

// Starts a command, with pipes or a terminal of its own. RESULT follows when it has been executed, or could not be.
void exec_start(uint32_t id, const uint8_t *payload, size_t length, command *body);
