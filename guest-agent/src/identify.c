#include "identify.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent.h"
#include "boot_id.h"
#include "disk.h"
#include "file.h"
#include "inroot.h"
#include "protocol.h"
#include "read.h"
#include "settings.h"

#define KERNEL_BOOT_ID "/proc/sys/kernel/random/boot_id"

static void set_clock(const uint8_t *payload, size_t length, struct outcome *outcome);
static void set_random(const uint8_t *payload, size_t length, struct outcome *outcome);
static void set_hostname(const uint8_t *payload, size_t length, struct outcome *outcome);
static void write_files(const uint8_t *payload, size_t length, struct outcome *outcome);
static void set_boot_id(const uint8_t *payload, size_t length, struct outcome *outcome);
static void grow_root(const uint8_t *payload, size_t length, struct outcome *outcome);
static void tell(const uint8_t *payload, size_t length, struct outcome *outcome);

void identify_work(const uint8_t *payload, size_t length, struct outcome *outcome) {
  work *const steps[] = {set_clock, set_random, set_hostname, write_files, set_boot_id, grow_root, tell};
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
    if (file_overwrite(field.value, field.length)) {
      continue;
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

static void set_boot_id(const uint8_t *payload, size_t length, struct outcome *outcome) {
  char id[40];
  if (field_text(payload, length, IDENTIFY_BOOT_ID, id, sizeof id) && !boot_id_set(id)) {
    outcome_fail(outcome, errno, "boot_id: %s", strerror(errno));
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
