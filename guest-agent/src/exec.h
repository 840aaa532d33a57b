#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// What a command's child does, with the stream's channels as its descriptors 0 to 2. Descriptor 3 is the report: what is
// written there (`child_report`) is a RESULT that refuses; RESULT is success when it is closed without a word, as by
// executing a program. The exit status goes into EXIT.
typedef void command_body(const uint8_t *payload, size_t length, bool tty);

// Starts a child with pipes or a terminal of its own. RESULT follows when it has begun, or could not.
void command_start(uint32_t id, uint32_t operation, command_body *body, const uint8_t *payload, size_t length);
