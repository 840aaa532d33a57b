// Children: their ends, and the killing of those that are no longer wanted.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

// Signals the process group that a command leads, or the child alone when it has not got that far.
void group_signal(pid_t leader, int number);
// SIGHUP, also to what is stopped.
void group_hang_up(pid_t leader);
// SIGHUP, and SIGKILL after 2 seconds.
void group_condemn(pid_t leader);

// SIGTERM, and SIGKILL after 2 seconds.
void group_terminate(pid_t leader);

void reaper_collect(void);
// Whether nothing condemned is left.
bool reaper_idle(void);
uint64_t reaper_deadline(void);
void reaper_expire(void);
