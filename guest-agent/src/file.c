#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "inroot.h"
#include "protocol.h"

enum { NOREPLACE = 1 }; // RENAME_NOREPLACE of renameat2(2)

static int write_beside(int directory, const char *temporary, const uint8_t *payload, size_t length);
static int write_all(int fd, const uint8_t *bytes, size_t length);

// The content is written beside its target and renamed, so that nobody ever sees half of it. A link in the last place is
// replaced, not followed.
void file_work(const uint8_t *payload, size_t length, struct outcome *outcome) {
  char path[PATH_MAX];
  uint32_t flags = 0;
  field_u32(payload, length, FILE_FLAGS, &flags);
  if (!field_text(payload, length, FILE_PATH, path, sizeof path) || path[0] != '/') {
    outcome_fail(outcome, EINVAL, "path: not an absolute path");
    return;
  }
  char *slash = strrchr(path, '/');
  const char *name = slash + 1;
  if (name[0] == 0 || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
    outcome_fail(outcome, EISDIR, "path: %s names a directory", path);
    return;
  }
  *slash = 0;
  const char *parent = path[0] == 0 ? "/" : path;
  int directory = flags & FILE_PARENT_MUST_EXIST ? root_open(parent, O_PATH | O_DIRECTORY) : root_directory(parent);
  if (directory < 0) {
    outcome_fail(outcome, -directory, "directory: %s: %s", parent, strerror(-directory));
    return;
  }
  char temporary[64];
  snprintf(temporary, sizeof temporary, ".banger-agent.%d", (int)getpid());
  int error = write_beside(directory, temporary, payload, length);
  if (error == 0 && syscall(SYS_renameat2, directory, temporary, directory, name,
                            flags & FILE_MUST_NOT_EXIST ? NOREPLACE : 0) != 0) {
    error = errno;
  }
  if (error != 0) {
    unlinkat(directory, temporary, 0);
    outcome_fail(outcome, error, "write: %s/%s: %s", parent[1] == 0 ? "" : parent, name, strerror(error));
  }
  close(directory);
}

bool file_overwrite(const uint8_t *payload, size_t length) {
  char path[PATH_MAX];
  struct field content = {.length = 0};
  uint32_t flags = 0;
  uint32_t mode = 0644;
  uint32_t uid = 0;
  uint32_t gid = 0;
  struct stat found;
  field_u32(payload, length, FILE_FLAGS, &flags);
  field_u32(payload, length, FILE_MODE, &mode);
  field_u32(payload, length, FILE_UID, &uid);
  field_u32(payload, length, FILE_GID, &gid);
  if ((flags & FILE_MUST_NOT_EXIST) || !field_find(payload, length, FILE_CONTENT, &content) ||
      !field_text(payload, length, FILE_PATH, path, sizeof path)) {
    return false;
  }
  int fd = root_open(path, O_WRONLY | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) {
    return false;
  }
  bool same = fstat(fd, &found) == 0 && S_ISREG(found.st_mode) && found.st_nlink == 1 && found.st_uid == uid &&
              found.st_gid == gid && (found.st_mode & 07777) == (mode & 07777);
  bool done = same && write_all(fd, content.value, content.length) == 0 &&
              (found.st_size <= (off_t)content.length || ftruncate(fd, (off_t)content.length) == 0);
  close(fd);
  return done;
}

static int write_beside(int directory, const char *temporary, const uint8_t *payload, size_t length) {
  struct field content = {.length = 0};
  uint32_t mode = 0644;
  uint32_t uid = 0;
  uint32_t gid = 0;
  field_u32(payload, length, FILE_MODE, &mode);
  field_u32(payload, length, FILE_UID, &uid);
  field_u32(payload, length, FILE_GID, &gid);
  field_find(payload, length, FILE_CONTENT, &content);
  int fd = openat(directory, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) {
    return errno;
  }
  int error = write_all(fd, content.value, content.length);
  // Mode after owner: a change of owner clears the set-id bits.
  if (error == 0 && (fchown(fd, uid, gid) != 0 || fchmod(fd, mode & 07777) != 0)) {
    error = errno;
  }
  close(fd);
  return error;
}

static int write_all(int fd, const uint8_t *bytes, size_t length) {
  while (length > 0) {
    ssize_t count = write(fd, bytes, length);
    if (count < 0 && errno != EINTR) {
      return errno;
    }
    if (count > 0) {
      bytes += count;
      length -= (size_t)count;
    }
  }
  return 0;
}
