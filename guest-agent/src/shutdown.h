#pragma once

#include "worker.h"

work sync_work;
work shutdown_work;

// Makes every file system read-only and ends the machine: a `cmd` of reboot(2). Does not return if it can be helped.
void machine_end(int command);
// The first half of it.
void machine_quiet(void);
