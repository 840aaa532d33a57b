#include "boot_id.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "read.h"

#define KERNELS "/proc/sys/kernel/random/boot_id"
#define OURS "/run/banger-boot-id"

static bool covered(void);

bool boot_id_set(const char *id) {
  int fd = open(OURS, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0444);
  if (fd < 0) {
    return false;
  }
  // As long as what was there: who reads meanwhile sees one or the other, and never nothing.
  char line[64];
  int length = snprintf(line, sizeof line, "%s\n", id);
  bool set = pwrite(fd, line, (size_t)length, 0) == length && ftruncate(fd, length) == 0 &&
             (covered() || mount(OURS, KERNELS, NULL, MS_BIND, NULL) == 0);
  close(fd);
  return set;
}

void boot_id_cover(void) {
  char id[64];
  if (read_line(KERNELS, id, sizeof id)) {
    boot_id_set(id);
  }
}

static bool covered(void) {
  struct stat seen;
  struct stat ours;
  return stat(KERNELS, &seen) == 0 && stat(OURS, &ours) == 0 && seen.st_dev == ours.st_dev &&
         seen.st_ino == ours.st_ino;
}
