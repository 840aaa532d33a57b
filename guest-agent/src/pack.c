#include "pack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "extents.h"
#include "inroot.h"
#include "seen.h"
#include "tar.h"
#include "transfer.h"
#include "xattrs.h"

enum {
  // Each level holds a descriptor.
  DEPTH_MAX = 1000,
  // Files up to this are read before their header is written: those of proc and sysfs lie about their size.
  SMALL = 64 * 1024,
};

struct opened {
  int directory;
  char *leaf; // NULL: the directory itself
};

static struct opened open_source(const struct pack_source *source, bool follow);
static void pack_at(int directory, const char *leaf, const char *path, unsigned depth);
static void pack_directory(int fd, const struct stat *status, const char *path, unsigned depth);
static char **names_in(int fd, const char *path, size_t *count);
static int by_name(const void *one, const void *other);
static void pack_file(int fd, const struct stat *status, const char *path);
static void put_data(int fd, const char *path, uint64_t offset, uint64_t length);
static size_t read_small(int fd, const char *path, uint8_t *bytes);
static struct tar_entry describe(const struct stat *status, char type, const char *path);

_Noreturn void pack(const struct pack_source *sources, size_t count, bool follow) {
  struct opened *opened = transfer_memory(NULL, (count + 1) * sizeof *opened);
  for (size_t i = 0; i < count; i++) {
    opened[i] = open_source(&sources[i], follow);
  }
  transfer_started();
  for (size_t i = 0; i < count; i++) {
    pack_at(opened[i].directory, opened[i].leaf, sources[i].name, 0);
  }
  tar_finish();
  _exit(0);
}

static struct opened open_source(const struct pack_source *source, bool follow) {
  struct opened opened = {.leaf = NULL};
  const char *path = source->path;
  opened.directory = root_open(path, O_PATH | O_DIRECTORY | (follow ? 0 : O_NOFOLLOW));
  if (opened.directory >= 0) {
    return opened;
  }
  int fd = root_open(path, O_PATH | (follow ? 0 : O_NOFOLLOW));
  if (fd < 0) {
    transfer_fail(-fd, "%s: %s", path, strerror(-fd));
  }
  if (!follow) {
    // A link can only be read by its name.
    char *parent = strdup(path);
    char *slash = strrchr(parent, '/');
    opened.leaf = strdup(slash + 1);
    slash[slash == parent ? 1 : 0] = 0;
    opened.directory = root_open(parent, O_PATH | O_DIRECTORY);
    close(fd);
    return opened;
  }
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  opened.directory = AT_FDCWD;
  opened.leaf = strdup(link);
  return opened;
}

static void pack_at(int directory, const char *leaf, const char *path, unsigned depth) {
  struct stat status;
  char target[4097];
  transfer_check();
  // A source by descriptor is the only one that is followed, as it leads to no link.
  bool by_descriptor = directory == AT_FDCWD;
  int error = leaf == NULL ? fstat(directory, &status)
                           : fstatat(directory, leaf, &status, by_descriptor ? 0 : AT_SYMLINK_NOFOLLOW);
  if (error != 0) {
    transfer_fail(errno, "%s: %s", path, strerror(errno));
  }
  if (S_ISDIR(status.st_mode) || S_ISREG(status.st_mode)) {
    int kind = S_ISDIR(status.st_mode) ? O_DIRECTORY : O_NONBLOCK;
    int fd = openat(directory, leaf == NULL ? "." : leaf,
                    O_RDONLY | O_CLOEXEC | kind | (by_descriptor ? 0 : O_NOFOLLOW));
    if (fd < 0 || fstat(fd, &status) != 0) {
      transfer_fail(errno, "%s: %s", path, strerror(errno));
    }
    if (S_ISDIR(status.st_mode)) {
      pack_directory(fd, &status, path, depth);
    } else if (S_ISREG(status.st_mode)) {
      pack_file(fd, &status, path);
    }
    close(fd);
    return;
  }
  struct tar_entry entry = describe(&status, 0, path);
  if (S_ISLNK(status.st_mode)) {
    ssize_t length = readlinkat(directory, leaf, target, sizeof target - 1);
    if (length < 0) {
      transfer_fail(errno, "%s: %s", path, strerror(errno));
    }
    target[length] = 0;
    entry.type = '2';
    entry.link = target;
  } else if (S_ISFIFO(status.st_mode)) {
    entry.type = '6';
  } else if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode)) {
    entry.type = S_ISCHR(status.st_mode) ? '3' : '4';
    entry.major = major(status.st_rdev);
    entry.minor = minor(status.st_rdev);
  } else {
    // A socket is nothing without the process behind it.
    return;
  }
  if (status.st_nlink > 1 && (entry.link = (char *)seen_before(&status, path)) != NULL) {
    entry.type = '1';
  } else if (S_ISLNK(status.st_mode)) {
    entry.link = target;
  }
  tar_put(&entry);
}

static void pack_directory(int fd, const struct stat *status, const char *path, unsigned depth) {
  if (depth > DEPTH_MAX) {
    transfer_fail(ELOOP, "%s: more than %d directories deep", path, DEPTH_MAX);
  }
  struct tar_entry entry = describe(status, '5', path);
  xattrs_read(fd, &entry);
  tar_put(&entry);
  xattrs_free(&entry);
  size_t count;
  char **names = names_in(fd, path, &count);
  for (size_t i = 0; i < count; i++) {
    size_t size = strlen(path) + strlen(names[i]) + 2;
    char *below = transfer_memory(NULL, size);
    snprintf(below, size, "%s/%s", path, names[i]);
    pack_at(fd, names[i], below, depth + 1);
    free(below);
    free(names[i]);
  }
  free(names);
}

// Sorted, so that the same files always make the same archive.
static char **names_in(int fd, const char *path, size_t *count) {
  DIR *directory = fdopendir(fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (directory == NULL) {
    transfer_fail(errno, "%s: %s", path, strerror(errno));
  }
  char **names = NULL;
  size_t room = 0;
  *count = 0;
  errno = 0;
  for (struct dirent *entry; (entry = readdir(directory)) != NULL; errno = 0) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
      continue;
    }
    if (*count == room) {
      room = room * 2 + 16;
      names = transfer_memory(names, room * sizeof *names);
    }
    names[(*count)++] = strdup(entry->d_name);
  }
  if (errno != 0) {
    transfer_fail(errno, "%s: %s", path, strerror(errno));
  }
  closedir(directory);
  if (*count > 0) {
    qsort(names, *count, sizeof *names, by_name);
  }
  return names;
}

static int by_name(const void *one, const void *other) { return strcmp(*(char *const *)one, *(char *const *)other); }

static void pack_file(int fd, const struct stat *status, const char *path) {
  static uint8_t small[SMALL];
  struct tar_entry entry = describe(status, '0', path);
  const char *earlier = status->st_nlink > 1 ? seen_before(status, path) : NULL;
  if (earlier != NULL) {
    entry.type = '1';
    entry.link = (char *)earlier;
    tar_put(&entry);
    return;
  }
  xattrs_read(fd, &entry);
  entry.size = (uint64_t)status->st_size;
  uint64_t stored = 0;
  if (entry.size <= SMALL && (uint64_t)status->st_blocks * 512 >= entry.size / 4096 * 4096) {
    stored = entry.size = read_small(fd, path, small);
    tar_put(&entry);
    archive_put(small, stored);
  } else if (extents_find(fd, &entry)) {
    tar_put(&entry);
    for (size_t i = 0; i < entry.range_count; i++) {
      put_data(fd, path, entry.ranges[i].offset, entry.ranges[i].length);
      stored += entry.ranges[i].length;
    }
    free(entry.ranges);
  } else {
    stored = entry.size;
    tar_put(&entry);
    put_data(fd, path, 0, stored);
  }
  tar_pad(stored);
  xattrs_free(&entry);
}

static void put_data(int fd, const char *path, uint64_t offset, uint64_t length) {
  while (length > 0) {
    size_t room;
    uint8_t *at = archive_room(&room);
    ssize_t count = pread(fd, at, room < length ? room : (size_t)length, (off_t)offset);
    if (count > 0) {
      archive_filled((size_t)count);
      offset += (uint64_t)count;
      length -= (uint64_t)count;
    } else if (count == 0) {
      transfer_fail(EBUSY, "%s: became smaller while it was copied", path);
    } else if (errno != EINTR) {
      transfer_fail(errno, "%s: %s", path, strerror(errno));
    }
    transfer_check();
  }
}

// What there is, whatever the size says, up to SMALL bytes.
static size_t read_small(int fd, const char *path, uint8_t *bytes) {
  size_t length = 0;
  while (length < SMALL) {
    ssize_t count = read(fd, bytes + length, SMALL - length);
    if (count > 0) {
      length += (size_t)count;
    } else if (count == 0) {
      break;
    } else if (errno != EINTR) {
      transfer_fail(errno, "%s: %s", path, strerror(errno));
    }
    transfer_check();
  }
  return length;
}

static struct tar_entry describe(const struct stat *status, char type, const char *path) {
  return (struct tar_entry){
      .type = type,
      .path = (char *)path,
      .mode = status->st_mode & 07777,
      .uid = status->st_uid,
      .gid = status->st_gid,
      .mtime = status->st_mtim,
  };
}
