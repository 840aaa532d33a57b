#include "settings.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { ENTROPY_MIN = 32, ENTROPY_MAX = 512 };

// linux/random.h
#define ADD_ENTROPY _IOW('R', 0x03, int[2])
#define RESEED _IO('R', 0x07)

void setting_clock(const uint8_t *payload, size_t length, uint16_t tag, struct outcome *outcome) {
  uint64_t time;
  if (!field_u64(payload, length, tag, &time)) {
    return;
  }
  struct timespec value = {.tv_sec = (time_t)(time / 1000000000u), .tv_nsec = (long)(time % 1000000000u)};
  if (clock_settime(CLOCK_REALTIME, &value) != 0) {
    outcome_fail(outcome, errno, "clock: %s", strerror(errno));
  }
}

void setting_random(const uint8_t *payload, size_t length, uint16_t tag, struct outcome *outcome) {
  struct field field;
  if (!field_find(payload, length, tag, &field)) {
    return;
  }
  if (field.length < ENTROPY_MIN || field.length > ENTROPY_MAX) {
    outcome_fail(outcome, EINVAL, "entropy: %u bytes, not %d to %d", field.length, ENTROPY_MIN, ENTROPY_MAX);
    return;
  }
  // struct rand_pool_info
  struct {
    int bits;
    int size;
    uint8_t bytes[ENTROPY_MAX];
  } pool = {.bits = (int)field.length * 8, .size = (int)field.length};
  memcpy(pool.bytes, field.value, field.length);
  int fd = open("/dev/urandom", O_WRONLY | O_CLOEXEC);
  if (fd < 0 || ioctl(fd, ADD_ENTROPY, &pool) != 0 || ioctl(fd, RESEED, 0) != 0) {
    outcome_fail(outcome, errno, "entropy: %s", strerror(errno));
  }
  if (fd >= 0) {
    close(fd);
  }
}

void setting_hostname(const uint8_t *payload, size_t length, uint16_t tag, struct outcome *outcome) {
  char name[65];
  if (field_text(payload, length, tag, name, sizeof name) && sethostname(name, strlen(name)) != 0) {
    outcome_fail(outcome, errno, "hostname: %s", strerror(errno));
  }
}
