#pragma once

#include "stream.h"

// Answers an OPEN: at once, or through a stream.
void operation_start(uint32_t id, uint32_t operation, const uint8_t *payload, size_t length);
// A child has reported how its operation went.
void operation_ended(struct stream *stream);
