// What the whole agent knows about itself.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum phase { PHASE_INITRAMFS = 0, PHASE_MOUNTED = 1, PHASE_BOOTED = 2 };

struct agent {
  enum phase phase;
  bool in_guest; // false: an ordinary process on the host, which must not touch the system
  bool own_init; // PID 1 is ours
  bool stopping; // the channel is gone for good
  const char *root; // where the machine's root file system is
  uint64_t started; // CLOCK_BOOTTIME, nanoseconds
};

extern struct agent agent;
extern const char build_id[];

// Where the root is mounted before the switch.
#define NEW_ROOT "/sysroot"
