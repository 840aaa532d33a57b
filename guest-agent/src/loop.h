// One thread, one epoll. Everything is edge-triggered: an owner notes that a descriptor is ready, and works on it
// until it would block, when its limits allow.
#pragma once

#include <stdint.h>

struct source {
  int fd; // -1: closed; events still on their way are ignored
  void (*ready)(struct source *source, uint32_t events);
};

#define NO_DEADLINE UINT64_MAX

void loop_start(void);
// For a forked process: epoll and signalfd are bound to the process that made them.
void loop_restart(void);
// Owns the descriptor from here on; it is made non-blocking. Returns 0 or -errno, then the descriptor is closed.
int source_open(struct source *source, int fd, void (*ready)(struct source *source, uint32_t events), uint32_t events);
void source_close(struct source *source);
// Waits for events until a time of `now()`; 0 only looks.
void loop_wait(uint64_t deadline);

// CLOCK_BOOTTIME, nanoseconds.
uint64_t now(void);
