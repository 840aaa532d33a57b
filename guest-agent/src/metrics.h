// How busy the machine is.
#pragma once

#include <stdint.h>

#include "fields.h"

void metrics(uint32_t id);
// Bytes of memory in all, and those that programs could still have.
void put_memory(struct field_writer *writer, uint16_t total, uint16_t available);
