#include "disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "little.h"
#include "loop.h"
#include "read.h"

// linux/fs.h and fs/ext4/ext4.h
#define BLOCK_DEVICE_SIZE _IOR(0x12, 114, size_t)
#define EXT4_RESIZE _IOW('f', 16, uint64_t)

// The superblock is at byte 1024 of the device.
enum {
  SUPERBLOCK = 1024,
  SUPERBLOCK_SIZE = 1024,
  BLOCKS_LOW = 0x04,
  LOG_BLOCK_SIZE = 0x18,
  MAGIC = 0x38,
  INCOMPATIBLE = 0x60,
  BLOCKS_HIGH = 0x150,
  INCOMPATIBLE_64BIT = 0x80,
  EXT_MAGIC = 0xEF53,
};

static const uint64_t patience = 5000000000u; // ns

static bool look(const char *serial, char *device, size_t size);

int disk_find(const char *serial, char *device, size_t size) {
  uint64_t deadline = now() + patience;
  while (!look(serial, device, size)) {
    if (now() > deadline) {
      return -ENODEV;
    }
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
  }
  return 0;
}

int disk_grow(const char *device, const char *mounted, bool grow, uint64_t *bytes) {
  uint8_t block[SUPERBLOCK_SIZE];
  uint64_t room = 0;
  int fd = open(device, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return -errno;
  }
  bool read = ioctl(fd, BLOCK_DEVICE_SIZE, &room) == 0 && pread(fd, block, sizeof block, SUPERBLOCK) == sizeof block;
  int error = errno;
  close(fd);
  if (!read) {
    return -error;
  }
  if (little16(block + MAGIC) != EXT_MAGIC) {
    *bytes = room;
    return grow ? -EOPNOTSUPP : 0;
  }
  unsigned shift = 10 + little32(block + LOG_BLOCK_SIZE) % 7;
  uint64_t blocks = little32(block + BLOCKS_LOW);
  if (little32(block + INCOMPATIBLE) & INCOMPATIBLE_64BIT) {
    blocks |= (uint64_t)little32(block + BLOCKS_HIGH) << 32;
  }
  uint64_t wanted = room >> shift;
  *bytes = blocks << shift;
  if (!grow || wanted <= blocks) {
    return 0;
  }
  int root = open(mounted, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (root < 0) {
    return -errno;
  }
  error = ioctl(root, EXT4_RESIZE, &wanted) == 0 ? 0 : -errno;
  close(root);
  if (error == 0) {
    *bytes = wanted << shift;
  }
  return error;
}

int disk_await(const char *device, uint64_t bytes) {
  int fd = open(device, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return -errno;
  }
  uint64_t deadline = now() + patience;
  uint64_t room = 0;
  int error = 0;
  // The kernel hears of a new size by an interrupt, and looks later.
  while (error == 0 && room < bytes) {
    if (ioctl(fd, BLOCK_DEVICE_SIZE, &room) != 0) {
      error = -errno;
    } else if (room < bytes && now() > deadline) {
      error = -ETIMEDOUT;
    } else if (room < bytes) {
      nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
  }
  close(fd);
  return error;
}

static bool look(const char *serial, char *device, size_t size) {
  DIR *disks = opendir("/sys/block");
  struct dirent *entry;
  bool found = false;
  while (!found && disks != NULL && (entry = readdir(disks)) != NULL) {
    char path[300];
    char line[128] = "";
    snprintf(path, sizeof path, "/sys/block/%.200s/serial", entry->d_name);
    if (!read_line(path, line, sizeof line)) {
      snprintf(path, sizeof path, "/sys/block/%.200s/device/serial", entry->d_name);
      read_line(path, line, sizeof line);
    }
    if (strcmp(line, serial) == 0) {
      snprintf(device, size, "/dev/%s", entry->d_name);
      found = access(device, F_OK) == 0;
    }
  }
  if (disks != NULL) {
    closedir(disks);
  }
  return found;
}
