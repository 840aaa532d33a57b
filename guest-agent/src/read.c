#include "read.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

bool read_line(const char *path, char *line, size_t size) {
  if (!read_text(path, line, size)) {
    return false;
  }
  line[strcspn(line, "\n")] = 0;
  return true;
}

bool read_text(const char *path, char *text, size_t size) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return false;
  }
  size_t length = 0;
  ssize_t count = 0;
  // Files of /proc come in pieces.
  while (length < size - 1 && (count = read(fd, text + length, size - 1 - length)) > 0) {
    length += (size_t)count;
  }
  close(fd);
  text[length] = 0;
  return count >= 0;
}
