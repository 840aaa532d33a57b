#include "renew.h"

#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "loop.h"
#include "read.h"

static const char journal[] = "systemd-journal";
static const uint64_t delay = 1500000000u; // ns

static uint64_t due = NO_DEADLINE;

static pid_t child_of_init(const char *name);

void renew_prepare(void) {
  pid_t pid = child_of_init(journal);
  if (pid > 0) {
    kill(pid, SIGSTOP);
  }
}

void renew_soon(void) { due = now() + delay; }

uint64_t renew_deadline(void) { return due; }

// systemd starts its journal again at once, with the streams of all services; an sshd that hands the keys it read at its start to
// its children reads them again.
void renew_expire(void) {
  if (due == NO_DEADLINE || now() < due) {
    return;
  }
  due = NO_DEADLINE;
  pid_t pid = child_of_init(journal);
  if (pid > 0) {
    kill(pid, SIGKILL);
  }
  if (access("/usr/lib/openssh/sshd-session", X_OK) == 0 || access("/usr/libexec/openssh/sshd-session", X_OK) == 0) {
    pid_t sshd = child_of_init("sshd");
    if (sshd > 0) {
      kill(sshd, SIGHUP);
    }
  }
}

static pid_t child_of_init(const char *name) {
  char line[4096];
  pid_t found = 0;
  if (!read_line("/proc/1/task/1/children", line, sizeof line)) {
    return 0;
  }
  for (char *at = line; found == 0 && isdigit((unsigned char)*at);) {
    char path[64];
    char comm[32];
    long pid = strtol(at, &at, 10);
    at += strspn(at, " ");
    snprintf(path, sizeof path, "/proc/%ld/comm", pid);
    if (read_line(path, comm, sizeof comm) && strcmp(comm, name) == 0) {
      found = (pid_t)pid;
    }
  }
  return found;
}
