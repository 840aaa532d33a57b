#include "info.h"

#include <stdlib.h>
#include <sys/utsname.h>

#include "agent.h"
#include "fields.h"
#include "loop.h"
#include "metrics.h"
#include "protocol.h"
#include "read.h"
#include "session.h"

void info(uint32_t id) {
  uint8_t bytes[1024];
  struct field_writer writer = {.bytes = bytes, .capacity = sizeof bytes};
  char line[128];
  put_u32(&writer, RESULT_ERRNO, 0);
  put_u64(&writer, INFO_UPTIME, now());
  put_memory(&writer, INFO_MEMORY_TOTAL, INFO_MEMORY_AVAILABLE);
  if (read_line("/proc/loadavg", line, sizeof line)) {
    put_u32(&writer, INFO_LOAD1, (uint32_t)(strtod(line, NULL) * 100 + 0.5));
  }
  put_u32(&writer, INFO_PHASE, agent.phase);
  struct utsname name;
  if (uname(&name) == 0) {
    put_text(&writer, INFO_HOSTNAME, name.nodename);
  }
  if (read_line("/proc/1/comm", line, sizeof line)) {
    put_text(&writer, INFO_INIT, line);
  }
  send_frame(RESULT, 0, id, bytes, writer.length);
}
