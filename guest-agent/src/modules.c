#include "modules.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int load(const char *name);

int modules_load(enum module_section section, char *failed, unsigned size) {
  FILE *list = fopen("/etc/modules.load", "re");
  char line[512];
  int current = 0;
  int error = 0;
  while (list != NULL && current <= (int)section && fgets(line, sizeof line, list) != NULL) {
    line[strcspn(line, "\n")] = 0;
    if (strcmp(line, "--") == 0) {
      current++;
    } else if (current == (int)section && line[0] != 0) {
      int result = load(line);
      if (result != 0 && error == 0) {
        error = result;
        snprintf(failed, size, "%s", line);
      }
    }
  }
  if (list != NULL) {
    fclose(list);
  }
  return error;
}

static int load(const char *name) {
  char path[600];
  snprintf(path, sizeof path, "/lib/modules/%s", name);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return -errno;
  }
  int error = syscall(SYS_finit_module, fd, "", 0) == 0 || errno == EEXIST ? 0 : -errno;
  close(fd);
  return error;
}
