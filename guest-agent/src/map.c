#include "map.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "copy.h"
#include "transfer.h"

// A smaller hole is as quickly read as skipped; of a file with more ranges the rest counts as data.
enum { HOLE_MIN = 256 * 1024, RANGES_MAX = 65536 };

static void map(const char *path);
static void put(off_t from, off_t to);

bool map_helper(int argc, char **argv) {
  if (argc != 3 || strcmp(argv[1], "--map") != 0) {
    return false;
  }
  char *path = from_hex(argv[2]);
  if (path == NULL) {
    return false;
  }
  transfer_begin(-1);
  map(path);
  free(path);
  return true;
}

static void map(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  struct stat status;
  if (fd < 0 || fstat(fd, &status) != 0) {
    transfer_fail(errno, "%s: %s", path, strerror(errno));
  }
  off_t from = 0;
  off_t to = 0;
  for (int ranges = 0; to < status.st_size;) {
    transfer_check();
    off_t start = lseek(fd, to, SEEK_DATA);
    if (start < 0 && errno == ENXIO) {
      break;
    }
    // A file system without holes has data everywhere.
    start = start < 0 ? to : start;
    if (start - to >= HOLE_MIN && ++ranges < RANGES_MAX) {
      put(from, to);
      from = start;
    }
    off_t hole = ranges < RANGES_MAX ? lseek(fd, start, SEEK_HOLE) : status.st_size;
    to = hole < 0 || hole > status.st_size ? status.st_size : hole;
  }
  put(from, to);
  close(fd);
}

static void put(off_t from, off_t to) {
  if (to > from) {
    printf("%jd %jd\n", (intmax_t)from, (intmax_t)(to - from));
  }
}
