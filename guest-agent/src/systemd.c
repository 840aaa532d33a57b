#include "systemd.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// Drop-ins of all mount units whose name begins so; /lib may or may not be a link to /usr/lib.
static const char *const units[] = {"usr-lib-modules-.mount.d", "lib-modules-.mount.d"};

// udev keeps files of it open for longer than systemd waits to unmount it: without the usual dependencies it does not try.
static const char drop_in[] = "[Unit]\nDefaultDependencies=no\n";

bool systemd_is(const char *link) {
  char path[256];
  const char name[] = "/systemd";
  const ssize_t tail = sizeof name - 1;
  ssize_t length = readlink(link, path, sizeof path);
  return length >= tail && memcmp(path + length - tail, name, (size_t)tail) == 0;
}

void systemd_prepare(void) {
  char path[128];
  mkdir("/run/systemd", 0755);
  mkdir("/run/systemd/system", 0755);
  for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
    snprintf(path, sizeof path, "/run/systemd/system/%s", units[i]);
    mkdir(path, 0755);
    snprintf(path, sizeof path, "/run/systemd/system/%s/banger.conf", units[i]);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd >= 0) {
      // A machine that complains as it goes down is better than one that does not come up.
      ssize_t ignored = write(fd, drop_in, sizeof drop_in - 1);
      (void)ignored;
      close(fd);
    }
  }
}
