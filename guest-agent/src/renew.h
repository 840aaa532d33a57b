// Services that keep in memory whose machine they are in.
#pragma once

#include <stdint.h>

// Has systemd's journal rest in a machine that is about to be saved: what is said to it from then on is kept for the one that
// follows it.
void renew_prepare(void);
// Has those services begin anew in a while: at once they would take the processor from what the copy was made for.
void renew_soon(void);
uint64_t renew_deadline(void);
void renew_expire(void);
