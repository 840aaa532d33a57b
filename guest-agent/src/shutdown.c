#include "shutdown.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent.h"
#include "init.h"
#include "protocol.h"
#include "systemd.h"

// What systemd takes for power off and reboot: SIGRTMIN+4 and +5 of its C library, whose SIGRTMIN is not that of ours.
enum { SYSTEMD_POWEROFF = 34 + 4, SYSTEMD_REBOOT = 34 + 5 };

static void quiet(void);
static void ask_init(bool reboot, struct outcome *outcome);
static bool all_read_only(void);

void sync_work(const uint8_t *payload, size_t length, struct outcome *outcome) {
  (void)payload;
  (void)length;
  (void)outcome;
  sync();
}

void shutdown_work(const uint8_t *payload, size_t length, struct outcome *outcome) {
  uint32_t mode = 0;
  // This process must live to tell that init has been asked, which is to end all processes.
  signal(SIGTERM, SIG_IGN);
  field_u32(payload, length, SHUTDOWN_MODE, &mode);
  if (mode == SHUTDOWN_NOW) {
    quiet();
    child_report(outcome);
    // The agent reads the report and writes the answer meanwhile; the host sees either it or the end of the machine.
    nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    reboot(RB_POWER_OFF);
    _exit(1);
  }
  if (mode != SHUTDOWN_POWEROFF && mode != SHUTDOWN_REBOOT) {
    outcome_fail(outcome, EINVAL, "mode: %u is not known", mode);
  } else if (agent.phase != PHASE_BOOTED) {
    outcome_fail(outcome, EINVAL, "no init is running yet");
  } else {
    ask_init(mode == SHUTDOWN_REBOOT, outcome);
  }
}

void machine_end(int command) {
  quiet();
  reboot(command);
}

static void quiet(void) {
  sync();
  int trigger = open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC);
  if (trigger < 0 || write(trigger, "u", 1) != 1) {
    mount(NULL, "/", NULL, MS_REMOUNT | MS_RDONLY, NULL);
  }
  if (trigger >= 0) {
    close(trigger);
  }
  // The kernel does it in the background.
  for (int i = 0; i < 200 && !all_read_only(); i++) {
    nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
  }
  sync();
}

static void ask_init(bool reboot, struct outcome *outcome) {
  if (agent.own_init) {
    kill(1, reboot ? INIT_REBOOT : INIT_POWEROFF);
  } else if (systemd_is("/proc/1/exe")) {
    kill(1, reboot ? SYSTEMD_REBOOT : SYSTEMD_POWEROFF);
  } else {
    // Every other init has its own way to be asked, and a command that knows it.
    char *const command[] = {(char *)(reboot ? "reboot" : "poweroff"), NULL};
    char *const environment[] = {(char *)"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", NULL};
    int status;
    pid_t pid = fork();
    if (pid == 0) {
      signal(SIGTERM, SIG_DFL);
      execvpe(command[0], command, environment);
      _exit(errno == ENOENT ? 127 : 126);
    }
    if (pid < 0) {
      outcome_fail(outcome, errno, "fork: %s", strerror(errno));
    } else if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
      outcome_fail(outcome, EIO, "the command %s failed", command[0]);
    }
  }
}

// Of the file systems on block devices, that is: nothing else has to be.
static bool all_read_only(void) {
  FILE *mounts = fopen("/proc/self/mounts", "re");
  char line[4096];
  bool all = true;
  while (mounts != NULL && fgets(line, sizeof line, mounts) != NULL) {
    char device[256];
    char options[1024];
    if (sscanf(line, "%255s %*s %*s %1023s", device, options) == 2 && strncmp(device, "/dev/", 5) == 0 &&
        strncmp(options, "rw", 2) == 0) {
      all = false;
    }
  }
  if (mounts != NULL) {
    fclose(mounts);
  }
  return all;
}
