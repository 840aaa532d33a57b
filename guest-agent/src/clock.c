#include "clock.h"

#include <errno.h>
#include <time.h>

#include "agent.h"
#include "fields.h"
#include "protocol.h"
#include "session.h"

static const uint64_t second = 1000000000u;

static int set_to(uint64_t time);

void clock_compare(uint32_t id, const uint8_t *payload, size_t length) {
  uint64_t time;
  if (!field_u64(payload, length, CLOCK_TIME, &time)) {
    send_result(id, EINVAL, "clock: no time");
    return;
  }
  struct timespec here;
  clock_gettime(CLOCK_REALTIME, &here);
  // Two's complement: negative when this machine is ahead.
  uint64_t offset = time - ((uint64_t)here.tv_sec * second + (uint64_t)here.tv_nsec);
  uint32_t set = 0;
  field_u32(payload, length, CLOCK_SET, &set);
  int error = set == 1 ? set_to(time) : 0;
  if (error != 0) {
    send_result(id, error, "clock");
    return;
  }
  uint8_t bytes[64];
  struct field_writer writer = {.bytes = bytes, .capacity = sizeof bytes};
  put_u32(&writer, RESULT_ERRNO, 0);
  put_u64(&writer, CLOCK_OFFSET, offset);
  send_frame(RESULT, 0, id, bytes, writer.length);
}

static int set_to(uint64_t time) {
  if (!agent.in_guest) {
    return EPERM;
  }
  struct timespec value = {.tv_sec = (time_t)(time / second), .tv_nsec = (long)(time % second)};
  return clock_settime(CLOCK_REALTIME, &value) == 0 ? 0 : errno;
}
