#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "accounts.h"

// What a login by ssh would start with, then the machine's own settings, then those of the request. In a child that
// is about to execute: nothing of it is freed.
char **environment_make(const struct account *account, const uint8_t *payload, size_t length, bool tty);
