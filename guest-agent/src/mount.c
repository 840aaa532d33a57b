#include "mount.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "agent.h"
#include "disk.h"
#include "inroot.h"
#include "loop.h"
#include "modules.h"
#include "network.h"
#include "protocol.h"
#include "settings.h"

enum { SERIAL_SIZE = 64 };

static void set_clock(const uint8_t *payload, size_t length, struct outcome *outcome);
static void set_random(const uint8_t *payload, size_t length, struct outcome *outcome);
static void set_hostname(const uint8_t *payload, size_t length, struct outcome *outcome);
static void load_modules(const uint8_t *payload, size_t length, struct outcome *outcome);
static void mount_root(const uint8_t *payload, size_t length, struct outcome *outcome);
static void mount_modules(const uint8_t *payload, size_t length, struct outcome *outcome);
static void set_network(const uint8_t *payload, size_t length, struct outcome *outcome);

void mount_work(const uint8_t *payload, size_t length, struct outcome *outcome) {
  work *const steps[] = {set_clock,  set_random,    set_hostname, load_modules,
                         mount_root, mount_modules, set_network};
  for (size_t i = 0; i < sizeof steps / sizeof *steps && outcome->error == 0; i++) {
    steps[i](payload, length, outcome);
  }
  if (outcome->error != 0) {
    umount2(NEW_ROOT, MNT_DETACH);
  }
}

static void set_clock(const uint8_t *payload, size_t length, struct outcome *outcome) {
  setting_clock(payload, length, MOUNT_TIME, outcome);
}

static void set_random(const uint8_t *payload, size_t length, struct outcome *outcome) {
  setting_random(payload, length, MOUNT_ENTROPY, outcome);
}

static void set_hostname(const uint8_t *payload, size_t length, struct outcome *outcome) {
  setting_hostname(payload, length, MOUNT_HOSTNAME, outcome);
}

static void load_modules(const uint8_t *payload, size_t length, struct outcome *outcome) {
  char failed[256];
  uint32_t network = 0;
  uint64_t begin = now();
  field_u32(payload, length, MOUNT_NETWORK_MODULES, &network);
  int error = modules_load(MODULES_DISKS, failed, sizeof failed);
  if (error == 0 && network != 0) {
    error = modules_load(MODULES_NETWORK, failed, sizeof failed);
  }
  put_u64(&outcome->fields, MOUNT_MODULES_NS, now() - begin);
  if (error != 0) {
    outcome_fail(outcome, -error, "module %s: %s", failed, strerror(-error));
  }
}

static void mount_root(const uint8_t *payload, size_t length, struct outcome *outcome) {
  char serial[SERIAL_SIZE];
  char type[32] = "ext4";
  char device[300];
  uint32_t grow = 0;
  uint64_t bytes = 0;
  uint64_t begin = now();
  field_text(payload, length, MOUNT_ROOT_FSTYPE, type, sizeof type);
  field_u32(payload, length, MOUNT_GROW, &grow);
  if (!field_text(payload, length, MOUNT_ROOT_SERIAL, serial, sizeof serial)) {
    outcome_fail(outcome, EINVAL, "root: no serial");
    return;
  }
  int error = disk_find(serial, device, sizeof device);
  if (error != 0) {
    outcome_fail(outcome, -error, "root: no drive has the serial %s", serial);
    return;
  }
  mkdir(NEW_ROOT, 0755);
  if (mount(device, NEW_ROOT, type, 0, NULL) != 0) {
    outcome_fail(outcome, errno, "root: mount of %s as %s: %s", device, type, strerror(errno));
    return;
  }
  uint64_t mounted = now();
  error = disk_grow(device, NEW_ROOT, grow != 0, &bytes);
  if (error != 0) {
    outcome_fail(outcome, -error, "grow: %s: %s", device, strerror(-error));
  }
  put_u64(&outcome->fields, MOUNT_MOUNT_NS, mounted - begin);
  put_u64(&outcome->fields, MOUNT_GROW_NS, now() - mounted);
  put_u64(&outcome->fields, MOUNT_ROOT_BYTES, bytes);
}

static void mount_modules(const uint8_t *payload, size_t length, struct outcome *outcome) {
  static const char *const types[] = {"ext4", "squashfs", "erofs"};
  char serial[SERIAL_SIZE];
  char device[300];
  char path[128];
  char target[64];
  struct utsname name;
  if (!field_text(payload, length, MOUNT_MODULES_SERIAL, serial, sizeof serial) || uname(&name) != 0) {
    return;
  }
  int error = disk_find(serial, device, sizeof device);
  if (error != 0) {
    outcome_fail(outcome, -error, "modules: no drive has the serial %s", serial);
    return;
  }
  snprintf(path, sizeof path, "/lib/modules/%s", name.release);
  int directory = root_directory(path);
  if (directory < 0) {
    outcome_fail(outcome, -directory, "modules: %s: %s", path, strerror(-directory));
    return;
  }
  snprintf(target, sizeof target, "/proc/self/fd/%d", directory);
  error = EINVAL;
  for (size_t i = 0; i < sizeof types / sizeof *types && error != 0; i++) {
    error = mount(device, target, types[i], MS_RDONLY | MS_NOSUID | MS_NODEV | MS_SILENT, NULL) == 0 ? 0 : errno;
  }
  close(directory);
  if (error != 0) {
    outcome_fail(outcome, error, "modules: mount of %s: %s", device, strerror(error));
  }
}

static void set_network(const uint8_t *payload, size_t length, struct outcome *outcome) {
  char address[32];
  char gateway[32] = "";
  char mac[32] = "";
  int error = network_loopback();
  if (error != 0) {
    outcome_fail(outcome, -error, "network: lo: %s", strerror(-error));
    return;
  }
  if (!field_text(payload, length, MOUNT_ADDRESS, address, sizeof address)) {
    return;
  }
  field_text(payload, length, MOUNT_GATEWAY, gateway, sizeof gateway);
  field_text(payload, length, MOUNT_MAC, mac, sizeof mac);
  error = network_card(address, gateway, mac);
  if (error != 0) {
    outcome_fail(outcome, -error, "network: %s: %s", address, strerror(-error));
  }
}
