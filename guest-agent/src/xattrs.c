#include "xattrs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "transfer.h"

enum { LIST_MAX = 65536 }; // XATTR_LIST_MAX and XATTR_SIZE_MAX of Linux

static bool travels(const char *name);

void xattrs_read(int fd, struct tar_entry *entry) {
  static char names[LIST_MAX];
  static uint8_t value[LIST_MAX];
  ssize_t length = flistxattr(fd, names, sizeof names);
  for (ssize_t at = 0; at < length; at += (ssize_t)strlen(names + at) + 1) {
    const char *name = names + at;
    ssize_t size = travels(name) ? fgetxattr(fd, name, value, sizeof value) : -1;
    if (size < 0) {
      continue;
    }
    entry->xattrs = transfer_memory(entry->xattrs, (entry->xattr_count + 1) * sizeof *entry->xattrs);
    struct tar_xattr *xattr = &entry->xattrs[entry->xattr_count++];
    xattr->name = transfer_memory(NULL, strlen(name) + 1);
    strcpy(xattr->name, name);
    xattr->value = transfer_memory(NULL, (size_t)size + 1);
    memcpy(xattr->value, value, (size_t)size);
    xattr->length = (size_t)size;
  }
}

void xattrs_free(struct tar_entry *entry) {
  for (size_t i = 0; i < entry->xattr_count; i++) {
    free(entry->xattrs[i].name);
    free(entry->xattrs[i].value);
  }
  free(entry->xattrs);
  entry->xattrs = NULL;
  entry->xattr_count = 0;
}

unsigned xattrs_write(int fd, const struct tar_entry *entry, bool guarded) {
  unsigned refused = 0;
  for (size_t i = 0; i < entry->xattr_count; i++) {
    const struct tar_xattr *xattr = &entry->xattrs[i];
    if (guarded && strncmp(xattr->name, "user.", 5) != 0) {
      refused++;
    } else if (fsetxattr(fd, xattr->name, xattr->value, xattr->length, 0) != 0) {
      if (errno == ENOSPC || errno == EDQUOT) {
        transfer_fail(errno, "%s: %s", entry->path, strerror(errno));
      }
      refused++;
    }
  }
  return refused;
}

// A label is a statement of this system's policy, which means nothing, or something else, in another one.
static bool travels(const char *name) {
  return strcmp(name, "security.selinux") != 0 && strncmp(name, "security.SMACK", 14) != 0 &&
         strcmp(name, "security.apparmor") != 0 && strcmp(name, "security.evm") != 0 && strcmp(name, "security.ima") != 0;
}
