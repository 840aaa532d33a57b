#pragma once

#include <stddef.h>
#include <stdint.h>

// Switches to the mounted root and becomes two: PID 1, which executes the machine's init, and the agent.
void boot(uint32_t id, const uint8_t *payload, size_t length);
