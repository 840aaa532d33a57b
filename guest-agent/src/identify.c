#include "identify.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent.h"
#include "disk.h"
#include "file.h"
#include "inroot.h"
#include "protocol.h"
#include "read.h"
#include "settings.h"

#define KERNEL_BOOT_ID "/proc/sys/kernel/random/boot_id"
#define OWN_BOOT_ID "/run/banger-boot-id"

static void set_clock(const uint8_t *payload, size_t length, struct outcome *outcome);
static void set_random(const uint8_t *payload, size_t length, struct outcome *outcome);
static void set_hostname(const uint8_t *payload, size_t length, struct outcome *outcome);
static void write_files(const uint8_t *payload, size_t length, struct outcome *outcome);
static void set_boot_id(const uint8_t *payload, size_t length, struct outcome *outcome);
static void grow_root(const uint8_t *payload, size_t length, struct outcome *outcome);
static void renew_services(const uint8_t *payload, size_t length, struct outcome *outcome);
static void tell(const uint8_t *payload, size_t length, struct outcome *outcome);
static pid_t child_of_init(const char *name);

void identify_work(const uint8_t *payload, size_t length, struct outcome *outcome) {
  work *const steps[] = {set_clock,   set_random, set_hostname,   write_files,
                         set_boot_id, grow_root,  renew_services, tell};
  for (size_t i = 0; i < sizeof steps / sizeof *steps && outcome->error == 0; i++) {
    steps[i](payload, length, outcome);
  }
}

static void set_clock(const uint8_t *payload, size_t length, struct outcome *outcome) {
  setting_clock(payload, length, IDENTIFY_TIME, outcome);
}

static void set_random(const uint8_t *payload, size_t length, struct outcome *outcome) {
  setting_random(payload, length, IDENTIFY_ENTROPY, outcome);
}

static void set_hostname(const uint8_t *payload, size_t length, struct outcome *outcome) {
  setting_hostname(payload, length, IDENTIFY_HOSTNAME, outcome);
}

// Each as the operation file would have it; a condition that is not met is no failure.
static void write_files(const uint8_t *payload, size_t length, struct outcome *outcome) {
  struct field_reader reader = fields_read(payload, length);
  struct field field;
  while (outcome->error == 0 && field_next(&reader, &field)) {
    if (field.tag != IDENTIFY_FILE) {
      continue;
    }
    if (!fields_valid(field.value, field.length)) {
      outcome_fail(outcome, EPROTO, "file: malformed");
      return;
    }
    uint32_t flags = 0;
    field_u32(field.value, field.length, FILE_FLAGS, &flags);
    file_work(field.value, field.length, outcome);
    if ((outcome->error == ENOENT && (flags & FILE_PARENT_MUST_EXIST)) ||
        (outcome->error == EEXIST && (flags & FILE_MUST_NOT_EXIST))) {
      outcome->error = 0;
      outcome->message[0] = 0;
    }
  }
}

// The kernel makes the number of a boot once and knows no way to change it, so another is laid over it.
static void set_boot_id(const uint8_t *payload, size_t length, struct outcome *outcome) {
  char id[40];
  if (!field_text(payload, length, IDENTIFY_BOOT_ID, id, sizeof id)) {
    return;
  }
  int fd = open(OWN_BOOT_ID, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0444);
  if (fd < 0 || dprintf(fd, "%s\n", id) < 0 || mount(OWN_BOOT_ID, KERNEL_BOOT_ID, NULL, MS_BIND, NULL) != 0) {
    outcome_fail(outcome, errno, "boot_id: %s", strerror(errno));
  }
  if (fd >= 0) {
    close(fd);
  }
}

static void grow_root(const uint8_t *payload, size_t length, struct outcome *outcome) {
  char serial[64];
  char device[300];
  uint64_t wanted;
  uint64_t bytes = 0;
  if (!field_u64(payload, length, IDENTIFY_DISK_BYTES, &wanted) ||
      !field_text(payload, length, IDENTIFY_ROOT_SERIAL, serial, sizeof serial)) {
    return;
  }
  int error = disk_find(serial, device, sizeof device);
  if (error == 0) {
    error = disk_await(device, wanted);
  }
  if (error == 0) {
    error = disk_grow(device, agent.root, true, &bytes);
  }
  if (error != 0) {
    outcome_fail(outcome, -error, "grow: %s", strerror(-error));
  }
  put_u64(&outcome->fields, IDENTIFY_ROOT_BYTES, bytes);
}

// What keeps in memory who it is. systemd starts its journal again at once, with the streams of all services; an sshd that hands
// the keys it read at its start to its children reads them again.
static void renew_services(const uint8_t *payload, size_t length, struct outcome *outcome) {
  (void)payload;
  (void)length;
  (void)outcome;
  pid_t journal = child_of_init("systemd-journal");
  if (journal > 0) {
    kill(journal, SIGKILL);
  }
  if (access("/usr/lib/openssh/sshd-session", X_OK) == 0 || access("/usr/libexec/openssh/sshd-session", X_OK) == 0) {
    pid_t sshd = child_of_init("sshd");
    if (sshd > 0) {
      kill(sshd, SIGHUP);
    }
  }
}

static void tell(const uint8_t *payload, size_t length, struct outcome *outcome) {
  (void)payload;
  (void)length;
  char line[128];
  if (gethostname(line, sizeof line) == 0) {
    put_text(&outcome->fields, IDENTIFIED_HOSTNAME, line);
  }
  if (read_line("/etc/machine-id", line, sizeof line)) {
    put_text(&outcome->fields, IDENTIFIED_MACHINE_ID, line);
  }
  if (read_line(KERNEL_BOOT_ID, line, sizeof line)) {
    put_text(&outcome->fields, IDENTIFIED_BOOT_ID, line);
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
