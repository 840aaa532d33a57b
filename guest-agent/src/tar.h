// Archives as POSIX (pax) and GNU tar (sparse files, format 1.0) say them.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

enum { TAR_BLOCK = 512, TAR_NAME_MAX = 255 };

struct tar_xattr {
  char *name;
  uint8_t *value;
  size_t length;
};

// Where a file has data.
struct tar_range {
  uint64_t offset;
  uint64_t length;
};

// One member. What it points to is its reader's until the next one is read.
struct tar_entry {
  char type; // '0' file, '1' hard link, '2' symbolic link, '3' character and '4' block device, '5' directory, '6' FIFO
  char *path;
  char *link;
  uint32_t mode;
  uint32_t uid;
  uint32_t gid;
  unsigned major;
  unsigned minor;
  struct timespec mtime;
  uint64_t size; // of the file, holes included
  struct tar_xattr *xattrs;
  size_t xattr_count;
  // NULL: one range that is the whole file.
  struct tar_range *ranges;
  size_t range_count;
};

// Writes the headers; the content of the ranges follows by `archive_put`, and the padding by `tar_pad`.
void tar_put(const struct tar_entry *entry);
void tar_pad(uint64_t stored);
void tar_finish(void);

// Reads the headers of the next member; false at the end marker. The content is to be taken before the next call.
bool tar_next(struct tar_entry *entry);
void tar_skip(uint64_t length);
