// What a machine is told about itself when it boots, and again when it turns out to be a copy. A field that is not there changes
// nothing.
#pragma once

#include "worker.h"

// Nanoseconds since 1970.
void setting_clock(const uint8_t *payload, size_t length, uint16_t tag, struct outcome *outcome);
// Mixed into the kernel's random pool, which draws new keys from it at once.
void setting_random(const uint8_t *payload, size_t length, uint16_t tag, struct outcome *outcome);
void setting_hostname(const uint8_t *payload, size_t length, uint16_t tag, struct outcome *outcome);
