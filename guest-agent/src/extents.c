#include "extents.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "transfer.h"

// A file of more pieces is stored whole from there on: its map would be larger than readers take.
enum { RANGES_MAX = 10000 };

bool extents_find(int fd, struct tar_entry *entry) {
  uint64_t size = entry->size;
  off_t hole = lseek(fd, 0, SEEK_HOLE);
  if (hole < 0 || (uint64_t)hole >= size) {
    return false;
  }
  size_t room = 0;
  entry->ranges = transfer_memory(NULL, sizeof *entry->ranges);
  for (uint64_t at = 0; at < size;) {
    off_t start = lseek(fd, (off_t)at, SEEK_DATA);
    if (start < 0) {
      if (errno != ENXIO) {
        transfer_fail(errno, "%s: %s", entry->path, strerror(errno));
      }
      break;
    }
    off_t end = lseek(fd, start, SEEK_HOLE);
    if ((uint64_t)start >= size) {
      break;
    }
    uint64_t stop = end < 0 || (uint64_t)end > size || entry->range_count + 1 == RANGES_MAX ? size : (uint64_t)end;
    uint64_t from = (uint64_t)start / TAR_BLOCK * TAR_BLOCK;
    from = from < at ? at : from;
    uint64_t to = (stop + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
    to = to > size ? size : to;
    if (entry->range_count == room) {
      room = room * 2 + 16;
      entry->ranges = transfer_memory(entry->ranges, room * sizeof *entry->ranges);
    }
    entry->ranges[entry->range_count++] = (struct tar_range){.offset = from, .length = to - from};
    at = to;
  }
  return true;
}
