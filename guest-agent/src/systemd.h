// What is particular to systemd as the machine's init.
#pragma once

#include <stdbool.h>

// Whether a descriptor's path, or /proc/1/exe, is systemd's.
bool systemd_is(const char *link);
// Before it starts: has the modules drive left alone until everything else has stopped.
void systemd_prepare(void);
