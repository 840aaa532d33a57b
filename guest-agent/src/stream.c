#include "stream.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"
#include "dial.h"
#include "fields.h"
#include "gather.h"
#include "input.h"
#include "jobs.h"
#include "little.h"
#include "operations.h"
#include "output.h"
#include "reaper.h"
#include "session.h"

static const uint64_t drain_time = 200000000u; // ns

static struct stream streams[STREAMS];
static unsigned used_count;
// Ids go up within a session. What is not above it and not here has ended.
static uint32_t newest;

static struct stream *find(uint32_t id);
static void destroy(struct stream *stream);
static bool has_channels(const struct stream *stream);
static void open_part(const struct frame *frame);
static void open_stream(struct frame frame);
static void open_whole(const struct frame *frame);
static void grant(struct stream *stream, const struct frame *frame);
static void resize(struct stream *stream, const struct frame *frame);
static void pass_signal(struct stream *stream, const struct frame *frame);
static void report_ready(struct source *source, uint32_t events);
static void settle(struct stream *stream);

void stream_frame(const struct frame *frame) {
  if (frame->type == OPEN) {
    open_stream(*frame);
    return;
  }
  if (frame->type == MORE) {
    open_part(frame);
    return;
  }
  struct stream *stream = find(frame->stream);
  if (stream == NULL) {
    if (frame->type == RESET) {
      job_abandon(frame->stream);
    }
    return;
  }
  if (frame->type == RESET) {
    if (stream->kind == STREAM_COMMAND && !stream->ended) {
      group_condemn(stream->pid);
    }
    destroy(stream);
    return;
  }
  if (!has_channels(stream) || (stream->kind == STREAM_VIEW && frame->type != WINDOW)) {
    return;
  }
  switch (frame->type) {
  case DATA:
    if (frame->channel != STDIN || frame->length == 0 || !input_take(stream, frame->payload, frame->length)) {
      stream_fail(stream, EPROTO, "data without credit, after its end, or on no channel");
    }
    break;
  case END:
    if (frame->channel != STDIN) {
      stream_fail(stream, EPROTO, "the end of a channel that is not the host's");
    } else {
      input_end(stream);
    }
    break;
  case WINDOW:
    grant(stream, frame);
    break;
  case RESIZE:
    resize(stream, frame);
    break;
  case SIGNAL:
    pass_signal(stream, frame);
    break;
  default:
    break;
  }
}

void stream_child_ended(pid_t pid, int status) {
  for (unsigned i = 0; i < STREAMS; i++) {
    struct stream *stream = &streams[i];
    if (!stream->used || stream->pid != pid || stream->ended) {
      continue;
    }
    stream->ended = true;
    stream->status = status;
    stream->drain_until = now() + drain_time;
    for (unsigned o = 0; o < 2; o++) {
      output_owe(&stream->outputs[o]);
    }
    settle(stream);
    return;
  }
}

struct stream *stream_create(uint32_t id, enum stream_kind kind, uint32_t operation, pid_t pid, int report) {
  for (unsigned i = 0; i < STREAMS; i++) {
    struct stream *stream = &streams[i];
    if (stream->used) {
      continue;
    }
    memset(stream, 0, sizeof *stream);
    stream->used = true;
    stream->id = id;
    stream->kind = kind;
    stream->operation = operation;
    stream->pid = pid;
    stream->input.source.fd = -1;
    stream->input.credit = CREDIT;
    for (unsigned o = 0; o < 2; o++) {
      stream->outputs[o] = (struct output){.source.fd = -1, .channel = (uint8_t)(STDOUT + o), .credit = CREDIT};
    }
    stream->report.fd = -1;
    stream->drain_until = NO_DEADLINE;
    stream->deadline = NO_DEADLINE;
    used_count++;
    if (report >= 0) {
      source_open(&stream->report, report, report_ready, EPOLLIN);
    }
    return stream;
  }
  return NULL;
}

void stream_refuse(struct stream *stream, int error, const char *message) {
  send_result(stream->id, error, message);
  destroy(stream);
}

void stream_fail(struct stream *stream, int error, const char *message) {
  send_reset(stream->id, error, message);
  if (stream->kind == STREAM_COMMAND && !stream->ended) {
    group_condemn(stream->pid);
  }
  destroy(stream);
}

void stream_exit(struct stream *stream, const uint8_t *payload, size_t length) {
  send_frame(END, STDOUT, stream->id, NULL, 0);
  send_frame(END, STDERR, stream->id, NULL, 0);
  send_frame(EXIT, 0, stream->id, payload, length);
  destroy(stream);
}

bool stream_is_socket(const struct stream *stream) { return stream->kind == STREAM_SOCKET; }

bool stream_available(void) { return used_count < STREAMS; }

bool streams_working(void) {
  for (unsigned i = 0; i < STREAMS; i++) {
    if (streams[i].used && streams[i].kind == STREAM_WORK) {
      return true;
    }
  }
  return false;
}

bool streams_pump(void) {
  // Begins with another stream each time, so that none is always the one that finds the queue full.
  static unsigned first;
  bool more = false;
  first = (first + 1) % STREAMS;
  for (unsigned i = 0; i < STREAMS && used_count > 0; i++) {
    struct stream *stream = &streams[(first + i) % STREAMS];
    if (!stream->used || !stream->started) {
      continue;
    }
    if (stream->kind == STREAM_VIEW) {
      more |= job_view_pump(stream);
      continue;
    }
    for (unsigned o = 0; o < 2; o++) {
      more |= output_pump(stream, &stream->outputs[o]);
    }
    if (stream->used) {
      settle(stream);
    }
  }
  return more;
}

uint64_t streams_deadline(void) {
  uint64_t earliest = NO_DEADLINE;
  for (unsigned i = 0; i < STREAMS && used_count > 0; i++) {
    const struct stream *stream = &streams[i];
    if (stream->used && !stream->ended && stream->deadline < earliest) {
      earliest = stream->deadline;
    }
    if (stream->used && stream->started && stream->ended && stream->drain_until < earliest &&
        (output_waits(stream, &stream->outputs[0]) || output_waits(stream, &stream->outputs[1]))) {
      earliest = stream->drain_until;
    }
  }
  return earliest;
}

void streams_expire(void) {
  for (unsigned i = 0; i < STREAMS && used_count > 0; i++) {
    struct stream *stream = &streams[i];
    if (stream->used && !stream->ended && stream->deadline <= now()) {
      stream->deadline = NO_DEADLINE;
      stream->timed_out = true;
      group_terminate(stream->pid);
    }
    if (!stream->used || !stream->started || !stream->ended || stream->drain_until > now()) {
      continue;
    }
    for (unsigned o = 0; o < 2; o++) {
      if (output_waits(stream, &stream->outputs[o])) {
        output_close(stream, &stream->outputs[o]);
      }
    }
    settle(stream);
  }
}

void streams_hang_up(void) {
  newest = 0;
  gather_forget();
  jobs_hang_up();
  for (unsigned i = 0; i < STREAMS; i++) {
    struct stream *stream = &streams[i];
    if (stream->used && stream->id != 0) {
      if (stream->kind == STREAM_COMMAND && !stream->ended) {
        if (agent.stopping) {
          group_condemn(stream->pid);
        } else {
          group_hang_up(stream->pid);
        }
      }
      destroy(stream);
    }
  }
}

static struct stream *find(uint32_t id) {
  for (unsigned i = 0; i < STREAMS; i++) {
    if (streams[i].used && streams[i].id == id) {
      return &streams[i];
    }
  }
  return NULL;
}

// Lets go of a stream. An operation that works in a child goes on unseen: its outcome still counts.
static void destroy(struct stream *stream) {
  stream->id = 0;
  if (stream->kind == STREAM_WORK && stream->report.fd >= 0) {
    return;
  }
  if (stream_is_socket(stream)) {
    socket_break(stream);
  }
  source_close(&stream->report);
  input_close(stream);
  source_close(&stream->outputs[0].source);
  source_close(&stream->outputs[1].source);
  stream->used = false;
  used_count--;
}

static bool has_channels(const struct stream *stream) {
  return stream->kind != STREAM_WORK;
}

// A part of an OPEN, or its end, that does not continue the one under way ends that one.
static void open_part(const struct frame *frame) {
  const char *problem = NULL;
  uint32_t unfinished = gather_stream();
  if (unfinished != 0 && unfinished != frame->stream) {
    gather_forget();
    newest = unfinished;
    send_reset(unfinished, EPROTO, "an OPEN without its end");
  }
  if (frame->type != MORE || session_version() < 2 || frame->stream <= newest) {
    return;
  }
  int error = gather_add(frame, &problem);
  if (error != 0) {
    newest = frame->stream;
    send_reset(frame->stream, error, problem);
  }
}

static void open_stream(struct frame frame) {
  const char *problem = NULL;
  open_part(&frame);
  int error = gather_finish(&frame, &problem);
  if (error != 0) {
    newest = frame.stream;
    send_reset(frame.stream, error, problem);
    return;
  }
  open_whole(&frame);
  gather_forget();
}

static void open_whole(const struct frame *frame) {
  uint32_t operation;
  if (frame->stream <= newest) {
    struct stream *stream = find(frame->stream);
    if (stream != NULL && has_channels(stream)) {
      stream_fail(stream, EPROTO, "a stream id used twice");
    } else {
      send_reset(frame->stream, EPROTO, "a stream id used twice");
    }
    return;
  }
  newest = frame->stream;
  if (!fields_valid(frame->payload, frame->length) ||
      !field_u32(frame->payload, frame->length, OPEN_OPERATION, &operation)) {
    send_reset(frame->stream, EPROTO, "fields that run past their frame, or no operation");
    return;
  }
  if (!stream_available()) {
    send_result(frame->stream, EAGAIN, "512 streams are open");
    return;
  }
  operation_start(frame->stream, operation, frame->payload, frame->length);
}

static void grant(struct stream *stream, const struct frame *frame) {
  if (frame->length != 4 || (frame->channel != STDOUT && frame->channel != STDERR) ||
      !output_grant(&stream->outputs[frame->channel - STDOUT], little32(frame->payload))) {
    stream_fail(stream, EPROTO, "credit beyond its limit, or for no output");
  }
}

static void resize(struct stream *stream, const struct frame *frame) {
  uint32_t rows;
  uint32_t columns;
  if (stream->input.tty && stream->outputs[0].source.fd >= 0 && fields_valid(frame->payload, frame->length) &&
      field_u32(frame->payload, frame->length, RESIZE_ROWS, &rows) &&
      field_u32(frame->payload, frame->length, RESIZE_COLUMNS, &columns)) {
    struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};
    ioctl(stream->outputs[0].source.fd, TIOCSWINSZ, &size);
  }
}

static void pass_signal(struct stream *stream, const struct frame *frame) {
  uint32_t number;
  if (stream->kind != STREAM_COMMAND || stream->ended || !fields_valid(frame->payload, frame->length) ||
      !field_u32(frame->payload, frame->length, SIGNAL_NUMBER, &number) || number < 1 || number > 64) {
    return;
  }
  pid_t foreground = -1;
  if (stream->input.tty && stream->outputs[0].source.fd >= 0) {
    foreground = tcgetpgrp(stream->outputs[0].source.fd);
  }
  group_signal(foreground > 0 ? foreground : stream->pid, (int)number);
}

static void report_ready(struct source *source, uint32_t events) {
  struct stream *stream = (struct stream *)((char *)source - offsetof(struct stream, report));
  (void)events;
  for (;;) {
    ssize_t count =
        read(source->fd, stream->report_bytes + stream->report_length, REPORT_SIZE - stream->report_length);
    if (count > 0) {
      stream->report_length += (size_t)count;
    } else if (count == 0 || errno != EINTR) {
      if (count < 0 && errno == EAGAIN) {
        return;
      }
      break;
    }
  }
  source_close(source);
  if (stream->kind == STREAM_WORK) {
    operation_ended(stream);
    destroy(stream);
  } else if (stream->report_length > 0) {
    send_frame(RESULT, 0, stream->id, stream->report_bytes, stream->report_length);
    destroy(stream);
  } else {
    uint8_t bytes[64];
    struct field_writer writer = {.bytes = bytes, .capacity = sizeof bytes};
    put_u32(&writer, RESULT_ERRNO, 0);
    put_u32(&writer, EXEC_PID, (uint32_t)stream->pid);
    send_frame(RESULT, 0, stream->id, bytes, writer.length);
    stream->started = true;
    if (stream->outputs[1].source.fd < 0) {
      send_frame(END, STDERR, stream->id, NULL, 0);
    }
    settle(stream);
  }
}

// Ends a command's stream when its process has ended and its outputs are at their ends, a connection's when both
// directions are.
static void settle(struct stream *stream) {
  if (stream_is_socket(stream)) {
    stream->ended = stream->input.source.fd < 0;
  }
  if (!stream->started || !stream->ended || stream->outputs[0].source.fd >= 0 || stream->outputs[1].source.fd >= 0) {
    return;
  }
  uint8_t bytes[32];
  struct field_writer writer = {.bytes = bytes, .capacity = sizeof bytes};
  if (WIFSIGNALED(stream->status)) {
    put_u32(&writer, EXIT_SIGNAL, (uint32_t)WTERMSIG(stream->status));
  } else {
    put_u32(&writer, EXIT_CODE, (uint32_t)WEXITSTATUS(stream->status));
  }
  if (stream->timed_out) {
    put_u32(&writer, EXIT_TIMED_OUT, 1);
  }
  send_frame(EXIT, 0, stream->id, bytes, writer.length);
  destroy(stream);
}
