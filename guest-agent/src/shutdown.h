#pragma once

#include "worker.h"

work sync_work;
work shutdown_work;

// Makes every file system read-only and ends the machine: a `cmd` of reboot(2). Returns if that is refused.
void machine_end(int command);
