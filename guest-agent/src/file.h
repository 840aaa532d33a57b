#pragma once

#include <stdbool.h>

#include "worker.h"

work file_work;

// Writes the content into the file that is there, which is several times as quick as a new one. False, and nothing is done, unless it is a
// plain file of one name with the owner and mode that are asked for, without a condition.
bool file_overwrite(const uint8_t *payload, size_t length);
