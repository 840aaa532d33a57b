#include "inroot.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent.h"

// openat2(2), from Linux 5.6.
struct how {
  uint64_t flags;
  uint64_t mode;
  uint64_t resolve;
};

enum { RESOLVE_NO_MAGICLINKS = 0x02, RESOLVE_IN_ROOT = 0x10 };

int root_open(const char *path, int flags) {
  int root = open(agent.root, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (root < 0) {
    return -errno;
  }
  struct how how = {.flags = (uint64_t)(flags | O_CLOEXEC), .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
  long fd = syscall(SYS_openat2, root, path, &how, sizeof how);
  int error = errno;
  close(root);
  return fd < 0 ? -error : (int)fd;
}

int root_directory(const char *path) {
  char prefix[PATH_MAX];
  size_t length = strlen(path);
  if (length >= sizeof prefix) {
    return -ENAMETOOLONG;
  }
  int directory = root_open("/", O_PATH | O_DIRECTORY);
  for (size_t at = 0; directory >= 0 && at < length;) {
    at += strspn(path + at, "/");
    size_t end = at + strcspn(path + at, "/");
    if (end == at) {
      break;
    }
    memcpy(prefix, path, end);
    prefix[end] = 0;
    int next = root_open(prefix, O_PATH | O_DIRECTORY);
    if (next == -ENOENT && (mkdirat(directory, prefix + at, 0755) == 0 || errno == EEXIST)) {
      next = root_open(prefix, O_PATH | O_DIRECTORY);
    }
    close(directory);
    directory = next;
    at = end;
  }
  return directory;
}

FILE *root_fopen(const char *path) {
  int fd = root_open(path, O_RDONLY | O_NONBLOCK);
  return fd < 0 ? NULL : fdopen(fd, "r");
}
