#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "process.h"
#include "protocol.h"
#include "session.h"
#include "stream.h"

enum { REPORT_FD = 3 };

bool worker_start(uint32_t id, uint32_t operation, work *body, const uint8_t *payload, size_t length) {
  int report[2];
  if (pipe2(report, O_CLOEXEC) != 0) {
    send_result(id, errno, "pipe");
    return false;
  }
  pid_t pid = fork();
  if (pid == 0) {
    uint8_t bytes[REPORT_SIZE / 2];
    struct outcome outcome = {.fields = {.bytes = bytes, .capacity = sizeof bytes}};
    child_settle(report[1]);
    body(payload, length, &outcome);
    child_report(&outcome);
    _exit(0);
  }
  close(report[1]);
  if (pid < 0) {
    close(report[0]);
    send_result(id, errno, "fork");
    return false;
  }
  return stream_create(id, STREAM_WORK, operation, pid, report[0]) != NULL;
}

void worker_here(uint32_t id, work *body, const uint8_t *payload, size_t length) {
  uint8_t bytes[REPORT_SIZE / 2];
  struct outcome outcome = {.fields = {.bytes = bytes, .capacity = sizeof bytes}};
  body(payload, length, &outcome);
  send_result(id, outcome.error, outcome.message[0] != 0 ? outcome.message : NULL);
}

void outcome_fail(struct outcome *outcome, int error, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(outcome->message, sizeof outcome->message, format, arguments);
  va_end(arguments);
  outcome->error = error;
}

void child_settle(int report) {
  if (report != REPORT_FD) {
    dup3(report, REPORT_FD, O_CLOEXEC);
  }
  // Or an end of another command's pipe would live on here, and that command would wait for its end.
  syscall(SYS_close_range, REPORT_FD + 1, ~0U, 0);
  signals_default();
}

void child_report(const struct outcome *outcome) {
  uint8_t bytes[REPORT_SIZE];
  struct field_writer writer = {.bytes = bytes, .capacity = sizeof bytes};
  put_u32(&writer, RESULT_ERRNO, (uint32_t)outcome->error);
  if (outcome->message[0] != 0) {
    put_text(&writer, RESULT_MESSAGE, outcome->message);
  }
  memcpy(bytes + writer.length, outcome->fields.bytes, outcome->fields.length);
  writer.length += outcome->fields.length;
  // One write, less than PIPE_BUF: it arrives whole.
  if (write(REPORT_FD, bytes, writer.length) < 0) {
    _exit(1);
  }
  close(REPORT_FD);
}
