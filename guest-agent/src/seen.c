#include "seen.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "transfer.h"

struct seen {
  dev_t device;
  ino_t inode;
  char *path;
};

static struct seen *table;
static size_t size; // a power of two
static size_t used;

static struct seen *place(dev_t device, ino_t inode);
static void grow(void);

const char *seen_before(const struct stat *status, const char *path) {
  if (used * 2 >= size) {
    grow();
  }
  struct seen *seen = place(status->st_dev, status->st_ino);
  if (seen->path != NULL) {
    return seen->path;
  }
  size_t length = strlen(path) + 1;
  *seen = (struct seen){status->st_dev, status->st_ino, transfer_memory(NULL, length)};
  memcpy(seen->path, path, length);
  used++;
  return NULL;
}

static struct seen *place(dev_t device, ino_t inode) {
  uint64_t hash = ((uint64_t)inode ^ (uint64_t)device << 32) * 0x9E3779B97F4A7C15u;
  for (size_t at = (size_t)(hash >> 32) & (size - 1);; at = (at + 1) & (size - 1)) {
    struct seen *seen = &table[at];
    if (seen->path == NULL || (seen->inode == inode && seen->device == device)) {
      return seen;
    }
  }
}

static void grow(void) {
  struct seen *old = table;
  size_t count = size;
  size = size == 0 ? 1024 : size * 2;
  table = transfer_memory(NULL, size * sizeof *table);
  memset(table, 0, size * sizeof *table);
  for (size_t i = 0; i < count; i++) {
    if (old[i].path != NULL) {
      *place(old[i].device, old[i].inode) = old[i];
    }
  }
  free(old);
}
