// PID 1 for images that bring none.
#pragma once

#include <signal.h>
#include <sys/types.h>

// Those of busybox, for what else may want to end the machine.
enum { INIT_POWEROFF = SIGUSR2, INIT_REBOOT = SIGTERM };

// Reaps, until asked to end the machine. `server`: the agent, which is spared to the last.
_Noreturn void init_run(pid_t server);
