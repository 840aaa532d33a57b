#include "info.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "agent.h"
#include "fields.h"
#include "loop.h"
#include "protocol.h"
#include "read.h"
#include "session.h"

static void put_memory(struct field_writer *writer);
static uint64_t kibibytes(const char *text, const char *name);

void info(uint32_t id) {
  uint8_t bytes[1024];
  struct field_writer writer = {.bytes = bytes, .capacity = sizeof bytes};
  char line[128];
  put_u32(&writer, RESULT_ERRNO, 0);
  put_u64(&writer, INFO_UPTIME, now());
  put_memory(&writer);
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

static void put_memory(struct field_writer *writer) {
  char text[4096];
  int fd = open("/proc/meminfo", O_RDONLY | O_CLOEXEC);
  ssize_t count = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (fd >= 0) {
    close(fd);
  }
  if (count > 0) {
    text[count] = 0;
    put_u64(writer, INFO_MEMORY_TOTAL, kibibytes(text, "MemTotal:") * 1024);
    put_u64(writer, INFO_MEMORY_AVAILABLE, kibibytes(text, "MemAvailable:") * 1024);
  }
}

static uint64_t kibibytes(const char *text, const char *name) {
  const char *at = strstr(text, name);
  return at == NULL ? 0 : strtoull(at + strlen(name), NULL, 10);
}
