// Tells the host what listens in the guest, and when that changes.
#pragma once

#include <stdint.h>

// At most one stream watches at a time.
void ports_watch(uint32_t id);
// When to look again, and looking.
uint64_t ports_deadline(void);
void ports_expire(void);
