#pragma once

#include <stdint.h>

// A new terminal of that size: both descriptors, or an errno.
int terminal_open(int *master, int *slave, uint32_t rows, uint32_t columns);
