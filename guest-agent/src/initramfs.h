#pragma once

// PID 1, from the kernel's first instruction to it until there is a channel: returns its descriptor.
int initramfs_start(void);
