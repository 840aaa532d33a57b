#pragma once

#include <stdint.h>

void info(uint32_t id);
