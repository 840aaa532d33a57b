#include "init.h"

#include <ctype.h>
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "read.h"
#include "session.h"
#include "shutdown.h"

enum { END_POLL_MS = 20, HANG_UP_POLL = 50, END_POLLS = 150 };

static void reap(pid_t server);
static _Noreturn void end(int command, pid_t server);
static unsigned signal_others(int number, pid_t server);
static bool belongs_to(pid_t pid, pid_t server);

_Noreturn void init_run(pid_t server) {
  sigset_t wanted;
  sigfillset(&wanted);
  sigprocmask(SIG_SETMASK, &wanted, NULL);
  // Ctrl-Alt-Del becomes SIGINT instead of an instant reset.
  reboot(RB_DISABLE_CAD);
  prctl(PR_SET_NAME, "banger-init");
  for (;;) {
    siginfo_t info;
    int number = sigwaitinfo(&wanted, &info);
    reap(server);
    if (number == INIT_POWEROFF || number == SIGUSR1) {
      end(RB_POWER_OFF, server);
    }
    if (number == INIT_REBOOT || number == SIGINT) {
      end(RB_AUTOBOOT, server);
    }
  }
}

static void reap(pid_t server) {
  int status;
  pid_t pid;
  while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
    if (pid == server) {
      send_log("the agent ended, wait status %#x", (unsigned)status);
    }
  }
}

static _Noreturn void end(int command, pid_t server) {
  signal_others(SIGTERM, server);
  signal_others(SIGCONT, server);
  for (int i = 0; i < END_POLLS && signal_others(0, server) > 0; i++) {
    if (i == HANG_UP_POLL) {
      // For interactive shells, which take nothing else for the end.
      signal_others(SIGHUP, server);
    }
    nanosleep(&(struct timespec){.tv_nsec = END_POLL_MS * 1000000L}, NULL);
    reap(server);
  }
  signal_others(SIGKILL, server);
  machine_end(command);
  for (;;) {
    pause();
  }
}

// All processes but this, the agent and the kernel's own; returns how many there are.
static unsigned signal_others(int number, pid_t server) {
  unsigned count = 0;
  DIR *processes = opendir("/proc");
  struct dirent *entry;
  while (processes != NULL && (entry = readdir(processes)) != NULL) {
    pid_t pid = isdigit((unsigned char)entry->d_name[0]) ? (pid_t)atoi(entry->d_name) : 1;
    if (pid != 1 && !belongs_to(pid, server) && kill(pid, number) == 0) {
      count++;
    }
  }
  if (processes != NULL) {
    closedir(processes);
  }
  return count;
}

// Kernel threads and zombies have no command line.
static bool belongs_to(pid_t pid, pid_t server) {
  char path[64];
  char line[8];
  snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
  return pid == server || !read_line(path, line, sizeof line) || line[0] == 0;
}
