#include "target.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "inroot.h"

enum { LINKS_MAX = 40 };

// openat2(2)
struct how {
  uint64_t flags;
  uint64_t mode;
  uint64_t resolve;
};

enum { NO_MAGICLINKS = 0x02, NO_SYMLINKS = 0x04, BENEATH = 0x08 };

int target_find(const char *path, struct target *target) {
  char at[PATH_MAX];
  char link[PATH_MAX];
  size_t length = strlen(path);
  if (path[0] != '/' || length >= sizeof at) {
    return path[0] != '/' ? -EINVAL : -ENAMETOOLONG;
  }
  *target = (struct target){.slash = path[length - 1] == '/'};
  target->directory = root_open(path, O_PATH | O_DIRECTORY);
  if (target->directory >= 0) {
    target->exists = true;
    return 0;
  }
  strcpy(at, path);
  for (int links = 0; links <= LINKS_MAX; links++) {
    length = strlen(at);
    while (length > 1 && at[length - 1] == '/') {
      at[--length] = 0;
    }
    char *slash = strrchr(at, '/');
    const char *name = slash + 1;
    if (name[0] == 0 || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
      return -ENOENT;
    }
    *slash = 0;
    int parent = root_open(at[0] == 0 ? "/" : at, O_PATH | O_DIRECTORY);
    if (parent < 0) {
      return parent;
    }
    struct stat status;
    ssize_t size = readlinkat(parent, name, link, sizeof link - 1);
    if (size < 0) {
      target->directory = parent;
      target->name = strdup(name);
      target->exists = fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) == 0;
      return target->name == NULL ? -ENOMEM : 0;
    }
    close(parent);
    link[size] = 0;
    char joined[PATH_MAX];
    int total = snprintf(joined, sizeof joined, "%s/%s", link[0] == '/' ? "" : at, link[0] == '/' ? link + 1 : link);
    if (total < 0 || (size_t)total >= sizeof joined) {
      return -ENAMETOOLONG;
    }
    strcpy(at, joined);
  }
  return -ELOOP;
}

int beneath_open(int directory, const char *path, int flags, bool links) {
  struct how how = {
      .flags = (uint64_t)(flags | O_CLOEXEC),
      .resolve = BENEATH | NO_MAGICLINKS | (links ? 0 : NO_SYMLINKS),
  };
  long fd = syscall(SYS_openat2, directory, path[0] == 0 ? "." : path, &how, sizeof how);
  return fd < 0 ? -errno : (int)fd;
}

void remove_tree(int directory, const char *name) {
  if (unlinkat(directory, name, 0) == 0 || (errno != EISDIR && errno != EPERM)) {
    return;
  }
  int fd = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  DIR *entries = fd < 0 ? NULL : fdopendir(fd);
  if (entries == NULL) {
    return;
  }
  for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
      remove_tree(dirfd(entries), entry->d_name);
    }
  }
  closedir(entries);
  unlinkat(directory, name, AT_REMOVEDIR);
}
