#include "exec.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "fields.h"
#include "input.h"
#include "output.h"
#include "session.h"
#include "stream.h"
#include "terminal.h"
#include "worker.h"

// The agent's ends and the command's ends of its channels; a terminal has one descriptor on each side.
struct plumbing {
  bool tty;
  int ours[3];
  int theirs[3];
  int report[2];
};

static int make_plumbing(struct plumbing *plumbing, const uint8_t *payload, size_t length);
static int make_pipes(struct plumbing *plumbing);
static void close_all(int *fds, int count);

void command_start(uint32_t id, uint32_t operation, command_body *body, const uint8_t *payload, size_t length) {
  struct plumbing plumbing = {.ours = {-1, -1, -1}, .theirs = {-1, -1, -1}, .report = {-1, -1}};
  int error = make_plumbing(&plumbing, payload, length);
  pid_t pid = error == 0 ? fork() : -1;
  if (pid == 0) {
    for (int i = 0; i < 3; i++) {
      // Above 3, where neither the channels nor the report will be put.
      plumbing.theirs[i] = fcntl(plumbing.theirs[i], F_DUPFD, 16);
    }
    for (int i = 0; i < 3; i++) {
      dup2(plumbing.theirs[i], i);
    }
    child_settle(plumbing.report[1]);
    body(payload, length, plumbing.tty);
    _exit(0);
  }
  if (pid < 0) {
    error = error != 0 ? error : errno;
    close_all(plumbing.ours, 3);
    close_all(plumbing.report, 2);
    close_all(plumbing.theirs, plumbing.tty ? 1 : 3);
    send_result(id, error, plumbing.tty ? "no terminal or process could be made" : "no pipe or process could be made");
    return;
  }
  close(plumbing.report[1]);
  close_all(plumbing.theirs, plumbing.tty ? 1 : 3);
  struct stream *stream = stream_create(id, STREAM_COMMAND, operation, pid, plumbing.report[0]);
  if (stream == NULL) {
    close_all(plumbing.ours, 3);
    return;
  }
  input_start(stream, plumbing.ours[0], plumbing.tty);
  output_start(&stream->outputs[0], plumbing.ours[1]);
  if (!plumbing.tty) {
    output_start(&stream->outputs[1], plumbing.ours[2]);
  }
}

static int make_plumbing(struct plumbing *plumbing, const uint8_t *payload, size_t length) {
  uint32_t tty = 0;
  uint32_t rows = 24;
  uint32_t columns = 80;
  field_u32(payload, length, EXEC_TTY, &tty);
  field_u32(payload, length, EXEC_ROWS, &rows);
  field_u32(payload, length, EXEC_COLUMNS, &columns);
  plumbing->tty = tty != 0;
  if (pipe2(plumbing->report, O_CLOEXEC) != 0) {
    return errno;
  }
  if (!plumbing->tty) {
    return make_pipes(plumbing);
  }
  int error = terminal_open(&plumbing->ours[1], &plumbing->theirs[0], rows, columns);
  if (error != 0) {
    return error;
  }
  plumbing->theirs[1] = plumbing->theirs[2] = plumbing->theirs[0];
  plumbing->ours[0] = fcntl(plumbing->ours[1], F_DUPFD_CLOEXEC, 0);
  return plumbing->ours[0] < 0 ? errno : 0;
}

static int make_pipes(struct plumbing *plumbing) {
  for (int i = 0; i < 3; i++) {
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
