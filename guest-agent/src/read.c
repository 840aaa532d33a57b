#include "read.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

bool read_line(const char *path, char *line, size_t size) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return false;
  }
  ssize_t count = read(fd, line, size - 1);
  close(fd);
  if (count < 0) {
    return false;
  }
  line[count] = 0;
  line[strcspn(line, "\n")] = 0;
  return true;
}
