#include "metrics.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "agent.h"
#include "loop.h"
#include "protocol.h"
#include "read.h"
#include "session.h"

// Columns of a "cpu" line in /proc/stat (proc(5)), in ticks; what a guest of this machine took is in "user" already.
enum { CPU_IDLE = 3, CPU_IOWAIT = 4, CPU_COLUMNS = 8 };
// Of /proc/net/dev, after the name: bytes received are the first, bytes sent the ninth.
enum { NET_SENT = 8, NET_COLUMNS = 9 };

static void put_processors(struct field_writer *writer);
static void put_load(struct field_writer *writer);
static void put_root(struct field_writer *writer);
static void put_network(struct field_writer *writer);
static bool is_card(const char *name, size_t length);
static size_t columns(const char *at, uint64_t *values, size_t count);
static uint64_t kibibytes(const char *text, const char *name);

void metrics(uint32_t id) {
  uint8_t bytes[1024];
  struct field_writer writer = {.bytes = bytes, .capacity = sizeof bytes};
  put_u32(&writer, RESULT_ERRNO, 0);
  put_u64(&writer, METRICS_UPTIME, now());
  put_processors(&writer);
  put_memory(&writer, METRICS_MEMORY_TOTAL, METRICS_MEMORY_AVAILABLE);
  put_load(&writer);
  put_root(&writer);
  put_network(&writer);
  send_frame(RESULT, 0, id, bytes, writer.length);
}

static void put_processors(struct field_writer *writer) {
  char line[512];
  uint64_t ticks[CPU_COLUMNS] = {0};
  if (!read_line("/proc/stat", line, sizeof line) || columns(line + strcspn(line, " "), ticks, CPU_COLUMNS) == 0) {
    return;
  }
  uint64_t total = 0;
  for (size_t i = 0; i < CPU_COLUMNS; i++) {
    total += ticks[i];
  }
  uint64_t tick = 1000000000u / (uint64_t)sysconf(_SC_CLK_TCK);
  put_u64(writer, METRICS_CPU_BUSY, (total - ticks[CPU_IDLE] - ticks[CPU_IOWAIT]) * tick);
  put_u64(writer, METRICS_CPU_TOTAL, total * tick);
  put_u32(writer, METRICS_CPUS, (uint32_t)sysconf(_SC_NPROCESSORS_ONLN));
}

void put_memory(struct field_writer *writer, uint16_t total, uint16_t available) {
  char text[4096];
  if (read_text("/proc/meminfo", text, sizeof text)) {
    put_u64(writer, total, kibibytes(text, "MemTotal:") * 1024);
    put_u64(writer, available, kibibytes(text, "MemAvailable:") * 1024);
  }
}

static void put_load(struct field_writer *writer) {
  char line[128];
  if (read_line("/proc/loadavg", line, sizeof line)) {
    put_u32(writer, METRICS_LOAD1, (uint32_t)(strtod(line, NULL) * 100 + 0.5));
  }
}

static void put_root(struct field_writer *writer) {
  struct statvfs root;
  if (statvfs(agent.phase == PHASE_MOUNTED ? agent.root : "/", &root) == 0) {
    put_u64(writer, METRICS_ROOT_TOTAL, (uint64_t)root.f_blocks * root.f_frsize);
    put_u64(writer, METRICS_ROOT_FREE, (uint64_t)root.f_bfree * root.f_frsize);
  }
}

// Of the machine's own cards together. Bridges and tunnels inside would count the same bytes again.
static void put_network(struct field_writer *writer) {
  char text[16384];
  if (!read_text("/proc/net/dev", text, sizeof text)) {
    return;
  }
  uint64_t received = 0;
  uint64_t sent = 0;
  bool any = false;
  for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
    const char *name = line + strspn(line, " ");
    size_t length = strcspn(name, ":");
    uint64_t values[NET_COLUMNS];
    if (name[length] == ':' && is_card(name, length) && columns(name + length + 1, values, NET_COLUMNS) == NET_COLUMNS) {
      received += values[0];
      sent += values[NET_SENT];
      any = true;
    }
  }
  if (any) {
    put_u64(writer, METRICS_RECEIVED, received);
    put_u64(writer, METRICS_SENT, sent);
  }
}

static bool is_card(const char *name, size_t length) {
  char path[128];
  snprintf(path, sizeof path, "/sys/class/net/%.*s/device", (int)(length < 32 ? length : 32), name);
  return access(path, F_OK) == 0;
}

// Reads numbers that spaces separate; how many there were.
static size_t columns(const char *at, uint64_t *values, size_t count) {
  size_t found = 0;
  char *end;
  for (; found < count; found++, at = end) {
    values[found] = strtoull(at, &end, 10);
    if (end == at) {
      break;
    }
  }
  return found;
}

static uint64_t kibibytes(const char *text, const char *name) {
  const char *at = strstr(text, name);
  return at == NULL ? 0 : strtoull(at + strlen(name), NULL, 10);
}
