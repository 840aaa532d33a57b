#include "input.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "little.h"
#include "session.h"

static void input_ready(struct source *source, uint32_t events);
static void flush(struct stream *stream);
static ssize_t put(struct input *input, const uint8_t *bytes, size_t length);
static bool keep(struct input *input, const uint8_t *bytes, size_t length);
static void consumed(struct stream *stream, size_t length);
static void finish(struct stream *stream);

void input_start(struct stream *stream, int fd, bool tty) {
  stream->input.tty = tty;
  stream->input.writable = true;
  stream->input.last = '\n';
  source_open(&stream->input.source, fd, input_ready, EPOLLOUT);
}

void input_resume(struct stream *stream) {
  stream->input.source.ready = input_ready;
  stream->input.writable = true;
  flush(stream);
}

bool input_take(struct stream *stream, const uint8_t *bytes, size_t length) {
  struct input *input = &stream->input;
  if (input->ended || length > input->credit) {
    return false;
  }
  input->credit -= (uint32_t)length;
  if (input->used == 0 && input->source.fd >= 0) {
    ssize_t count = put(input, bytes, length);
    if (count > 0) {
      bytes += count;
      length -= (size_t)count;
      consumed(stream, (size_t)count);
    }
  }
  if (length > 0 && (input->source.fd < 0 || !keep(input, bytes, length))) {
    // Nobody reads any more: what still comes is swallowed, so that the host is not stuck with it.
    consumed(stream, length);
  }
  return true;
}

void input_end(struct stream *stream) {
  if (!stream->input.ended) {
    stream->input.ended = true;
    finish(stream);
  }
}

void input_close(struct stream *stream) {
  free(stream->input.bytes);
  stream->input.bytes = NULL;
  stream->input.used = 0;
  source_close(&stream->input.source);
}

static void input_ready(struct source *source, uint32_t events) {
  struct stream *stream = (struct stream *)((char *)source - offsetof(struct stream, input.source));
  (void)events;
  stream->input.writable = true;
  flush(stream);
}

static void flush(struct stream *stream) {
  struct input *input = &stream->input;
  while (input->used > 0) {
    size_t part = CREDIT - input->head < input->used ? CREDIT - input->head : input->used;
    ssize_t count = put(input, input->bytes + input->head, part);
    if (count < 0) {
      size_t lost = input->used;
      input_close(stream);
      consumed(stream, lost);
      return;
    }
    if (count == 0) {
      return;
    }
    input->head = (input->head + (size_t)count) % CREDIT;
    input->used -= (size_t)count;
    consumed(stream, (size_t)count);
  }
  free(input->bytes);
  input->bytes = NULL;
  finish(stream);
}

// Returns what was written, 0 if nothing fits now, -1 if the reader has gone.
static ssize_t put(struct input *input, const uint8_t *bytes, size_t length) {
  while (input->writable) {
    ssize_t count = write(input->source.fd, bytes, length);
    if (count > 0) {
      input->last = bytes[count - 1];
      return count;
    }
    if (count < 0 && errno == EINTR) {
      continue;
    }
    input->writable = false;
    if (count < 0 && errno != EAGAIN) {
      input->broken = errno;
      source_close(&input->source);
      return -1;
    }
  }
  return 0;
}

static bool keep(struct input *input, const uint8_t *bytes, size_t length) {
  if (input->bytes == NULL) {
    input->bytes = malloc(CREDIT);
    input->head = 0;
    if (input->bytes == NULL) {
      source_close(&input->source);
      return false;
    }
  }
  size_t tail = (input->head + input->used) % CREDIT;
  size_t part = CREDIT - tail < length ? CREDIT - tail : length;
  memcpy(input->bytes + tail, bytes, part);
  memcpy(input->bytes, bytes + part, length - part);
  input->used += length;
  return true;
}

static void consumed(struct stream *stream, size_t length) {
  struct input *input = &stream->input;
  input->taken += (uint32_t)length;
  if (!input->ended && (input->taken >= GRANT_STEP || input->credit == 0)) {
    uint8_t bytes[4];
    put_little32(bytes, input->taken);
    send_frame(WINDOW, STDIN, stream->id, bytes, sizeof bytes);
    input->credit += input->taken;
    input->taken = 0;
  }
}

// A terminal has no end, only a character that its reader takes for one: at the beginning of a line once, else twice.
static void finish(struct stream *stream) {
  struct input *input = &stream->input;
  struct termios mode;
  if (!input->ended || input->used > 0 || input->source.fd < 0) {
    return;
  }
  if (stream_is_socket(stream)) {
    if (!stream->started) {
      return;
    }
    shutdown(input->source.fd, SHUT_WR);
  }
  if (input->tty && tcgetattr(input->source.fd, &mode) == 0 && (mode.c_lflag & ICANON)) {
    uint8_t end[2] = {mode.c_cc[VEOF], mode.c_cc[VEOF]};
    put(input, end, input->last == '\n' ? 1 : 2);
  }
  source_close(&input->source);
}
