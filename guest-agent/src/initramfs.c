#include "initramfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "loop.h"
#include "modules.h"
#include "process.h"
#include "read.h"
#include "session.h"

static const char *const port_name = "banger.agent.0";
static const uint64_t complain_after = 5000000000u; // ns

static void mount_kernel_file_systems(void);
static bool find_port(char *device, size_t size);

int initramfs_start(void) {
  char failed[256];
  char device[300];
  bool complained = false;
  mount_kernel_file_systems();
  descriptors_fill("/dev/console");
  descriptors_raise();
  oom_score("-1000");
  int error = modules_load(MODULES_CHANNEL, failed, sizeof failed);
  if (error != 0) {
    send_log("module %s: %s", failed, strerror(-error));
  }
  // The kernel makes ports in the background. Without one there is nothing else to do than to wait for it.
  for (uint64_t begin = now();;) {
    int fd = find_port(device, sizeof device) ? open(device, O_RDWR | O_NONBLOCK | O_CLOEXEC) : -1;
    if (fd >= 0) {
      return fd;
    }
    if (!complained && now() - begin > complain_after) {
      complained = true;
      send_log("there is no virtio-serial port named %s", port_name);
    }
    nanosleep(&(struct timespec){.tv_nsec = complained ? 100000000 : 1000000}, NULL);
  }
}

static void mount_kernel_file_systems(void) {
  umask(0);
  mkdir("/proc", 0555);
  mkdir("/sys", 0555);
  mkdir("/dev", 0755);
  mkdir("/run", 0755);
  mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
  mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
  mount("devtmpfs", "/dev", "devtmpfs", MS_NOSUID, "mode=0755");
  mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755");
  umask(022);
}

static bool find_port(char *device, size_t size) {
  DIR *ports = opendir("/sys/class/virtio-ports");
  struct dirent *entry;
  bool found = false;
  while (!found && ports != NULL && (entry = readdir(ports)) != NULL) {
    char path[300];
    char name[64];
    snprintf(path, sizeof path, "/sys/class/virtio-ports/%.200s/name", entry->d_name);
    if (read_line(path, name, sizeof name) && strcmp(name, port_name) == 0) {
      snprintf(device, size, "/dev/%s", entry->d_name);
      found = true;
    }
  }
  if (ports != NULL) {
    closedir(ports);
  }
  return found;
}
