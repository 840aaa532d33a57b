// The kernel modules of the initramfs: /etc/modules.load, one file below /lib/modules/ a line, in loading order, in
// sections that a line `--` ends.
#pragma once

enum module_section { MODULES_CHANNEL = 0, MODULES_DISKS = 1, MODULES_NETWORK = 2 };

// Returns 0, or the -errno of the first that failed, whose name is then in `failed`. The others are loaded all the same.
int modules_load(enum module_section section, char *failed, unsigned size);
