#include "unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "tar.h"
#include "target.h"
#include "transfer.h"
#include "xattrs.h"

// A directory that was made: its mode and time are set when nothing more is put into it.
struct made {
  char *path;
  mode_t mode;
  struct timespec mtime;
};

static const struct unpack_request *request;
static struct target target;

static struct made *made;
static size_t made_count;
// Paths that were not there before, without those below them.
static char **created;
static size_t created_count;
// Relative path of the directory that the last member went into.
static char *parent_path;
static int parent = -1;
static bool parent_is_ours;
// The file that is being written beside its place.
static char temporary[64];

static unsigned long long members;
static unsigned long long bytes;
static unsigned long long left_out;

static void find_target(void);
static void undo(void);
static void check_first(const struct tar_entry *entry);
static char *relative(const char *path);
static void put_member(const struct tar_entry *entry, char *path);
static void enter(const char *path);
static void make_parents(const char *path);
static bool is_ours(const char *path);
static void note_created(const char *path);
static void put_directory(const struct tar_entry *entry, const char *path, const char *leaf);
static void put_file(const struct tar_entry *entry, const char *path, const char *leaf);
static int open_new(const char *leaf, const char *path, bool *beside);
static void write_content(int fd, const struct tar_entry *entry);
static void write_range(int fd, const char *path, uint64_t offset, uint64_t length);
static void write_all(int fd, const char *path, const uint8_t *at, size_t length, uint64_t offset);
static void put_other(const struct tar_entry *entry, const char *path, const char *leaf);
static int make_other(const struct tar_entry *entry, const char *leaf);
static int link_to(const char *path, const char *leaf);
static void dress(int fd, const struct tar_entry *entry);
static void replace(const char *path, const char *leaf);
static void finish_directories(void);
static void name_temporary(void);
static uid_t owner_of(const struct tar_entry *entry);
static gid_t group_of(const struct tar_entry *entry);
static _Noreturn void fail(int error, const char *path);

_Noreturn void unpack(const struct unpack_request *wanted) {
  struct tar_entry entry;
  request = wanted;
  umask(0);
  find_target();
  if (request->directory && target.name != NULL) {
    fail(target.exists ? ENOTDIR : ENOENT, request->path);
  }
  transfer_started();
  while (tar_next(&entry)) {
    transfer_check();
    if (members++ == 0) {
      check_first(&entry);
    }
    char *path = relative(entry.path);
    put_member(&entry, path);
    free(path);
  }
  finish_directories();
  dprintf(1, "%llu %llu %llu\n", members, bytes, left_out);
  _exit(0);
}

_Noreturn void store(const struct unpack_request *wanted, bool has_owner, bool has_mode, mode_t mode) {
  struct stat status = {.st_mode = 0644};
  bool beside;
  request = wanted;
  umask(0);
  find_target();
  if (target.name == NULL) {
    fail(EISDIR, request->path);
  }
  if (target.slash) {
    fail(target.exists ? ENOTDIR : ENOENT, request->path);
  }
  if (target.exists && (fstatat(target.directory, target.name, &status, AT_SYMLINK_NOFOLLOW) != 0 ||
                        !S_ISREG(status.st_mode))) {
    fail(EINVAL, request->path);
  }
  transfer_started();
  enter("");
  int fd = open_new(target.name, request->path, &beside);
  size_t length;
  for (const uint8_t *at; (at = archive_take(UINT64_MAX, &length)) != NULL; bytes += length) {
    write_all(fd, request->path, at, length, bytes);
  }
  uid_t uid = has_owner ? request->uid : status.st_uid;
  gid_t gid = has_owner ? request->gid : status.st_gid;
  if ((geteuid() == 0 && fchown(fd, uid, gid) != 0) || fchmod(fd, (has_mode ? mode : status.st_mode) & 07777) != 0) {
    fail(errno, request->path);
  }
  close(fd);
  replace(request->path, target.name);
  dprintf(1, "1 %llu 0\n", bytes);
  _exit(0);
}

static void find_target(void) {
  int error = target_find(request->path, &target);
  if (error != 0) {
    fail(-error, request->path);
  }
  transfer_undo(undo);
}

// Takes back what was not there before.
static void undo(void) {
  if (temporary[0] != 0 && parent >= 0) {
    unlinkat(parent, temporary, 0);
  }
  while (created_count > 0) {
    char *path = created[--created_count];
    char *slash = strrchr(path, '/');
    const char *leaf = slash == NULL ? path : slash + 1;
    if (slash != NULL) {
      *slash = 0;
    }
    int directory = beneath_open(target.directory, slash == NULL ? "" : path, O_PATH | O_DIRECTORY, !request->guarded);
    if (directory >= 0) {
      remove_tree(directory, leaf);
      close(directory);
    }
  }
}

static void check_first(const struct tar_entry *entry) {
  if (target.name == NULL) {
    return;
  }
  if (entry->type == '5' ? target.exists : target.slash) {
    fail(target.exists ? ENOTDIR : ENOENT, request->path);
  }
}

// A member's path below the target's directory, without "." and empty components; ".." is refused.
static char *relative(const char *path) {
  size_t room = strlen(path) + (target.name == NULL ? 0 : strlen(target.name)) + 2;
  char *result = transfer_memory(NULL, room);
  char *end = result;
  bool first = true;
  for (const char *at = path; *at != 0;) {
    size_t length = strcspn(at, "/");
    const char *part = at;
    at += length;
    at += strspn(at, "/");
    if (length == 2 && memcmp(part, "..", 2) == 0) {
      transfer_fail(EPROTO, "%s: leads out of the destination", path);
    }
    bool dot = length == 0 || (length == 1 && part[0] == '.');
    if (first && target.name != NULL && (length > 0 || *at == 0)) {
      part = target.name;
      length = strlen(part);
      dot = false;
    }
    first = first && length == 0;
    if (dot) {
      continue;
    }
    if (end > result) {
      *end++ = '/';
    }
    memcpy(end, part, length);
    end += length;
  }
  *end = 0;
  return result;
}

static void put_member(const struct tar_entry *entry, char *path) {
  if (path[0] == 0) {
    if (entry->type != '5') {
      fail(EISDIR, request->path);
    }
    return;
  }
  char *slash = strrchr(path, '/');
  const char *leaf = slash == NULL ? path : slash + 1;
  if (slash != NULL) {
    *slash = 0;
  }
  enter(slash == NULL ? "" : path);
  if (slash != NULL) {
    *slash = '/';
  }
  if (entry->type == '5') {
    put_directory(entry, path, leaf);
  } else if (entry->type == '0') {
    put_file(entry, path, leaf);
  } else {
    put_other(entry, path, leaf);
  }
}

static void enter(const char *path) {
  if (parent >= 0 && strcmp(parent_path, path) == 0) {
    return;
  }
  if (parent >= 0) {
    close(parent);
  }
  parent_is_ours = is_ours(path);
  // Links of the archive itself are never followed, those that were there may be, inside the destination.
  bool links = !request->guarded && !parent_is_ours;
  parent = beneath_open(target.directory, path, O_PATH | O_DIRECTORY, links);
  if (parent == -ENOENT) {
    make_parents(path);
    parent_is_ours = is_ours(path);
    parent = beneath_open(target.directory, path, O_PATH | O_DIRECTORY, !request->guarded);
  }
  if (parent < 0) {
    // What openat2 says of a way that leads out, and of a link where none may be.
    if (parent == -EXDEV || parent == -ELOOP) {
      transfer_fail(EPROTO, "%s: a link leads out of the destination", path);
    }
    fail(-parent, path);
  }
  parent_path = transfer_memory(parent_path, strlen(path) + 1);
  strcpy(parent_path, path);
}

// An archive need not name the directories that its members are in.
static void make_parents(const char *path) {
  char *part = transfer_memory(NULL, strlen(path) + 1);
  for (size_t at = 0; path[at] != 0;) {
    size_t before = at == 0 ? 0 : at - 1;
    size_t end = at + strcspn(path + at, "/");
    memcpy(part, path, before);
    part[before] = 0;
    int directory = beneath_open(target.directory, part, O_PATH | O_DIRECTORY, !request->guarded);
    memcpy(part, path, end);
    part[end] = 0;
    if (directory >= 0 && mkdirat(directory, part + at, 0755) == 0) {
      note_created(part);
    } else if (directory < 0 || errno != EEXIST) {
      fail(directory < 0 ? -directory : errno, part);
    }
    close(directory);
    at = path[end] == 0 ? end : end + 1;
  }
  free(part);
}

static bool is_ours(const char *path) {
  for (size_t i = created_count; i-- > 0;) {
    size_t length = strlen(created[i]);
    if (strncmp(path, created[i], length) == 0 && (path[length] == 0 || path[length] == '/')) {
      return true;
    }
  }
  return false;
}

static void note_created(const char *path) {
  if (is_ours(path)) {
    return;
  }
  if ((created_count & (created_count + 1)) == 0) {
    created = transfer_memory(created, (created_count * 2 + 2) * sizeof *created);
  }
  created[created_count] = transfer_memory(NULL, strlen(path) + 1);
  strcpy(created[created_count++], path);
}

static void put_directory(const struct tar_entry *entry, const char *path, const char *leaf) {
  if (mkdirat(parent, leaf, 0700) != 0) {
    int error = errno;
    // One that is there stays as it is, be it by a link.
    int there = error == EEXIST ? beneath_open(target.directory, path, O_PATH | O_DIRECTORY, !request->guarded) : -error;
    if (there < 0) {
      fail(error == EEXIST ? ENOTDIR : error, path);
    }
    close(there);
    return;
  }
  if (!parent_is_ours) {
    note_created(path);
  }
  int fd = openat(parent, leaf, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) {
    fail(errno, path);
  }
  if (!request->guarded && geteuid() == 0 && fchown(fd, owner_of(entry), group_of(entry)) != 0) {
    fail(errno, path);
  }
  left_out += xattrs_write(fd, entry, request->guarded);
  close(fd);
  if ((made_count & (made_count + 1)) == 0) {
    made = transfer_memory(made, (made_count * 2 + 2) * sizeof *made);
  }
  made[made_count] = (struct made){.path = transfer_memory(NULL, strlen(path) + 1), .mtime = entry->mtime};
  made[made_count].mode = entry->mode & (request->guarded ? 01777 : 07777);
  strcpy(made[made_count++].path, path);
}

static void put_file(const struct tar_entry *entry, const char *path, const char *leaf) {
  bool beside;
  int fd = open_new(leaf, path, &beside);
  write_content(fd, entry);
  dress(fd, entry);
  if (close(fd) != 0) {
    fail(errno, path);
  }
  if (beside) {
    replace(path, leaf);
  }
  bytes += entry->size;
}

// In a directory of ours a file is written in its place, as nobody knows of it yet; elsewhere beside it.
static int open_new(const char *leaf, const char *path, bool *beside) {
  int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  *beside = !parent_is_ours;
  int fd = parent_is_ours ? openat(parent, leaf, flags, 0600) : -1;
  if (parent_is_ours && fd < 0 && errno == EEXIST) {
    *beside = true;
  }
  if (*beside) {
    name_temporary();
    fd = openat(parent, temporary, flags, 0600);
  }
  if (fd < 0) {
    fail(errno, path);
  }
  return fd;
}

static void write_content(int fd, const struct tar_entry *entry) {
  uint64_t stored = entry->size;
  if (entry->ranges == NULL) {
    write_range(fd, entry->path, 0, entry->size);
  } else {
    stored = 0;
    for (size_t i = 0; i < entry->range_count; i++) {
      write_range(fd, entry->path, entry->ranges[i].offset, entry->ranges[i].length);
      stored += entry->ranges[i].length;
    }
    if (ftruncate(fd, (off_t)entry->size) != 0) {
      fail(errno, entry->path);
    }
  }
  // The map is whole blocks, so the padding is that of the data.
  uint64_t padding = (TAR_BLOCK - stored % TAR_BLOCK) % TAR_BLOCK;
  uint8_t block[TAR_BLOCK];
  if (padding > 0 && !archive_get(block, (size_t)padding)) {
    transfer_fail(EPROTO, "the archive ends early");
  }
}

static void write_range(int fd, const char *path, uint64_t offset, uint64_t length) {
  while (length > 0) {
    size_t part;
    const uint8_t *at = archive_take(length, &part);
    if (at == NULL) {
      transfer_fail(EPROTO, "the archive ends early");
    }
    write_all(fd, path, at, part, offset);
    offset += part;
    length -= part;
  }
}

static void write_all(int fd, const char *path, const uint8_t *at, size_t length, uint64_t offset) {
  while (length > 0) {
    transfer_check();
    ssize_t count = pwrite(fd, at, length, (off_t)offset);
    if (count < 0 && errno != EINTR) {
      fail(errno, path);
    }
    if (count > 0) {
      at += count;
      offset += (uint64_t)count;
      length -= (size_t)count;
    }
  }
}

static void put_other(const struct tar_entry *entry, const char *path, const char *leaf) {
  bool is_device = entry->type == '3' || entry->type == '4';
  if (is_device && request->guarded) {
    left_out++;
    return;
  }
  bool beside = !parent_is_ours;
  if (!beside && make_other(entry, leaf) != 0) {
    if (errno != EEXIST) {
      fail(errno, path);
    }
    beside = true;
  }
  if (beside) {
    name_temporary();
    if (make_other(entry, temporary) != 0) {
      fail(errno, path);
    }
    replace(path, leaf);
  }
}

// Makes and dresses it; -1 with errno.
static int make_other(const struct tar_entry *entry, const char *leaf) {
  mode_t mode = entry->mode & (request->guarded ? 01777 : 07777);
  int made_it;
  if (entry->type == '1') {
    return link_to(entry->link, leaf);
  }
  if (entry->type == '2') {
    made_it = symlinkat(entry->link, parent, leaf);
  } else if (entry->type == '6') {
    made_it = mkfifoat(parent, leaf, mode);
  } else {
    made_it = mknodat(parent, leaf, (entry->type == '3' ? S_IFCHR : S_IFBLK) | mode,
                      makedev(entry->major, entry->minor));
  }
  if (made_it != 0) {
    return -1;
  }
  if (!request->guarded && geteuid() == 0 &&
      fchownat(parent, leaf, owner_of(entry), group_of(entry), AT_SYMLINK_NOFOLLOW) != 0) {
    return -1;
  }
  struct timespec times[2] = {{.tv_nsec = UTIME_NOW}, entry->mtime};
  return utimensat(parent, leaf, times, AT_SYMLINK_NOFOLLOW);
}

static int link_to(const char *path, const char *leaf) {
  char *place = relative(path);
  char *slash = strrchr(place, '/');
  if (slash != NULL) {
    *slash = 0;
  }
  int directory = beneath_open(target.directory, slash == NULL ? "" : place, O_PATH | O_DIRECTORY, !request->guarded);
  int error = directory < 0 ? -directory : 0;
  if (directory >= 0) {
    if (linkat(directory, slash == NULL ? place : slash + 1, parent, leaf, 0) != 0) {
      error = errno;
    }
    close(directory);
  }
  free(place);
  errno = error;
  return error == 0 ? 0 : -1;
}

// Owner, attributes, mode and time, in an order in which none undoes another.
static void dress(int fd, const struct tar_entry *entry) {
  if (!request->guarded && geteuid() == 0 && fchown(fd, owner_of(entry), group_of(entry)) != 0) {
    fail(errno, entry->path);
  }
  left_out += xattrs_write(fd, entry, request->guarded);
  struct timespec times[2] = {{.tv_nsec = UTIME_NOW}, entry->mtime};
  if (fchmod(fd, entry->mode & (request->guarded ? 01777 : 07777)) != 0 || futimens(fd, times) != 0) {
    fail(errno, entry->path);
  }
}

static void replace(const char *path, const char *leaf) {
  struct stat status;
  bool is_new = fstatat(parent, leaf, &status, AT_SYMLINK_NOFOLLOW) != 0;
  if (renameat(parent, temporary, parent, leaf) != 0) {
    fail(errno, path);
  }
  // Of two names of one file rename leaves both.
  unlinkat(parent, temporary, 0);
  temporary[0] = 0;
  if (is_new && !parent_is_ours) {
    note_created(path);
  }
}

static void finish_directories(void) {
  while (made_count > 0) {
    struct made *last = &made[--made_count];
    int fd = beneath_open(target.directory, last->path, O_RDONLY | O_DIRECTORY, false);
    struct timespec times[2] = {{.tv_nsec = UTIME_NOW}, last->mtime};
    // The archive may have replaced it by something else since: that needs nothing more.
    if (fd >= 0) {
      if (fchmod(fd, last->mode) != 0 || futimens(fd, times) != 0) {
        fail(errno, last->path);
      }
      close(fd);
    }
  }
}

static void name_temporary(void) {
  static unsigned count;
  snprintf(temporary, sizeof temporary, ".banger-copy.%d.%u", (int)getpid(), ++count);
}

static uid_t owner_of(const struct tar_entry *entry) { return request->keep_owners ? entry->uid : request->uid; }

static gid_t group_of(const struct tar_entry *entry) { return request->keep_owners ? entry->gid : request->gid; }

static _Noreturn void fail(int error, const char *path) { transfer_fail(error, "%s: %s", path, strerror(error)); }
