#include "output.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "channel.h"
#include "session.h"

static void output_ready(struct source *source, uint32_t events);

void output_start(struct output *output, int fd) {
  output->ready = true;
  source_open(&output->source, fd, output_ready, EPOLLIN);
}

bool output_grant(struct output *output, uint32_t amount) {
  if (amount > INT32_MAX - output->credit) {
    return false;
  }
  output->credit += amount;
  return true;
}

bool output_pump(struct stream *stream, struct output *output) {
  if (output->source.fd < 0 || !output->ready || output->credit == 0) {
    return false;
  }
  if (channel_queued() >= OUTPUT_MARK) {
    return true;
  }
  size_t limit = output->credit < PAYLOAD_MAX ? output->credit : PAYLOAD_MAX;
  uint8_t *at = data_reserve(limit);
  if (at == NULL) {
    return false;
  }
  ssize_t count = read(output->source.fd, at, limit);
  if (count > 0) {
    data_commit(output->channel, stream->id, (size_t)count);
    output->credit -= (uint32_t)count;
    output->owed -= output->owed < (size_t)count ? output->owed : (size_t)count;
    return output->credit > 0;
  }
  if (count < 0 && errno == EINTR) {
    return true;
  }
  output->ready = false;
  if (stream_is_socket(stream) && (count == 0 ? stream->input.broken == ECONNRESET : errno != EAGAIN)) {
    // The first of both directions that meets a reset is told of it; the other only sees an end.
    stream_fail(stream, count == 0 ? ECONNRESET : errno, "the connection in the guest broke");
    return false;
  }
  if (count == 0 || errno != EAGAIN) {
    // A terminal whose last user has gone fails with EIO instead of ending.
    output_close(stream, output);
  }
  return false;
}

void output_close(struct stream *stream, struct output *output) {
  source_close(&output->source);
  send_frame(END, output->channel, stream->id, NULL, 0);
}

void output_owe(struct output *output) {
  int count = 0;
  if (output->source.fd >= 0 && ioctl(output->source.fd, FIONREAD, &count) == 0 && count > 0) {
    output->owed = (size_t)count;
  }
}

bool output_waits(const struct stream *stream, const struct output *output) {
  // A terminal does not tell how much it holds, but it ends soon after the command that leads its session.
  return output->source.fd >= 0 && output->owed == 0 && !(stream->input.tty && output->ready);
}

static void output_ready(struct source *source, uint32_t events) {
  struct output *output = (struct output *)source;
  (void)events;
  output->ready = true;
}
