#include "terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#ifndef TIOCGPTPEER
#define TIOCGPTPEER 0x5441
#endif

int terminal_open(int *master, int *slave, uint32_t rows, uint32_t columns) {
  struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};
  struct termios mode;
  // Images without an init of their own may have only the instance's own multiplexer.
  int fd = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (fd < 0) {
    fd = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
  }
  if (fd < 0) {
    return errno;
  }
  // The peer by descriptor, not by name: the name means nothing where /dev/pts is another instance, or missing.
  int peer = unlockpt(fd) == 0 ? ioctl(fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC) : -1;
  if (peer < 0) {
    int error = errno;
    close(fd);
    return error;
  }
  ioctl(fd, TIOCSWINSZ, &size);
  if (tcgetattr(peer, &mode) == 0) {
    mode.c_iflag |= IUTF8;
    tcsetattr(peer, TCSANOW, &mode);
  }
  *master = fd;
  *slave = peer;
  return 0;
}
