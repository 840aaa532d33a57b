#pragma once

#include <stddef.h>
#include <stdint.h>

// Says by how much the machine's clock is behind the host's, and sets it when that is asked for.
void clock_compare(uint32_t id, const uint8_t *payload, size_t length);
