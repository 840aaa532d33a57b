#include "exec.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "fields.h"
#include "input.h"
#include "loop.h"
#include "output.h"
#include "session.h"
#include "stream.h"
#include "terminal.h"
#include "worker.h"

static int make_terminal(struct plumbing *plumbing, const uint8_t *payload, size_t length);
static int make_pipes(struct plumbing *plumbing, bool input);
static void close_all(int *fds, int count);

void command_start(uint32_t id, uint32_t operation, command_body *body, const uint8_t *payload, size_t length) {
  struct plumbing plumbing;
  uint32_t timeout = 0;
  int error = plumbing_make(&plumbing, payload, length, true);
  pid_t pid = error == 0 ? plumbing_fork(&plumbing, body, payload, length) : -1;
  if (pid < 0) {
    error = error != 0 ? error : errno;
    send_result(id, error, plumbing.tty ? "no terminal or process could be made" : "no pipe or process could be made");
    return;
  }
  struct stream *stream = stream_create(id, STREAM_COMMAND, operation, pid, plumbing.report[0]);
  if (stream == NULL) {
    close_all(plumbing.ours, 3);
    return;
  }
  if (field_u32(payload, length, EXEC_TIMEOUT, &timeout) && timeout > 0) {
    stream->deadline = now() + (uint64_t)timeout * 1000000u;
  }
  input_start(stream, plumbing.ours[0], plumbing.tty);
  output_start(&stream->outputs[0], plumbing.ours[1]);
  if (!plumbing.tty) {
    output_start(&stream->outputs[1], plumbing.ours[2]);
  }
}

int plumbing_make(struct plumbing *plumbing, const uint8_t *payload, size_t length, bool input) {
  *plumbing = (struct plumbing){.ours = {-1, -1, -1}, .theirs = {-1, -1, -1}, .report = {-1, -1}};
  uint32_t tty = 0;
  field_u32(payload, length, EXEC_TTY, &tty);
  plumbing->tty = input && tty != 0;
  int error = 0;
  if (pipe2(plumbing->report, O_CLOEXEC) != 0) {
    error = errno;
  } else {
    error = plumbing->tty ? make_terminal(plumbing, payload, length) : make_pipes(plumbing, input);
  }
  if (error != 0) {
    close_all(plumbing->ours, 3);
    close_all(plumbing->report, 2);
    close_all(plumbing->theirs, plumbing->tty ? 1 : 3);
  }
  return error;
}

pid_t plumbing_fork(struct plumbing *plumbing, command_body *body, const uint8_t *payload, size_t length) {
  pid_t pid = fork();
  if (pid == 0) {
    for (int i = 0; i < 3; i++) {
      // Above 3, where neither the channels nor the report will be put.
      plumbing->theirs[i] = fcntl(plumbing->theirs[i], F_DUPFD, 16);
    }
    for (int i = 0; i < 3; i++) {
      dup2(plumbing->theirs[i], i);
    }
    child_settle(plumbing->report[1]);
    body(payload, length, plumbing->tty);
    _exit(0);
  }
  int error = errno;
  close(plumbing->report[1]);
  close_all(plumbing->theirs, plumbing->tty ? 1 : 3);
  if (pid < 0) {
    close(plumbing->report[0]);
    close_all(plumbing->ours, 3);
    errno = error;
  }
  return pid;
}

static int make_terminal(struct plumbing *plumbing, const uint8_t *payload, size_t length) {
  uint32_t rows = 24;
  uint32_t columns = 80;
  field_u32(payload, length, EXEC_ROWS, &rows);
  field_u32(payload, length, EXEC_COLUMNS, &columns);
  int error = terminal_open(&plumbing->ours[1], &plumbing->theirs[0], rows, columns);
  if (error != 0) {
    return error;
  }
  plumbing->theirs[1] = plumbing->theirs[2] = plumbing->theirs[0];
  plumbing->ours[0] = fcntl(plumbing->ours[1], F_DUPFD_CLOEXEC, 0);
  return plumbing->ours[0] < 0 ? errno : 0;
}

static int make_pipes(struct plumbing *plumbing, bool input) {
  for (int i = 0; i < 3; i++) {
    if (i == 0 && !input) {
      plumbing->theirs[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
      if (plumbing->theirs[0] < 0) {
        return errno;
      }
      continue;
    }
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
      return errno;
    }
    plumbing->ours[i] = ends[i == 0 ? 1 : 0];
    plumbing->theirs[i] = ends[i == 0 ? 0 : 1];
  }
  return 0;
}

static void close_all(int *fds, int count) {
  for (int i = 0; i < count; i++) {
    if (fds[i] >= 0) {
      close(fds[i]);
    }
  }
}
