#pragma once

#include <stddef.h>

// 0 or -errno.
int network_loopback(void);
// Gives `address` (a.b.c.d/n) and a default route to the Ethernet card with that hardware address, or to the first if
// `mac` is empty. `gateway` may be empty.
int network_card(const char *address, const char *gateway, const char *mac);
