#include "channel.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "agent.h"
#include "frame.h"
#include "loop.h"
#include "session.h"

enum {
  READ_SIZE = 65536,
  // Above it nothing more is read: each frame read may cause one of ours.
  QUEUE_LIMIT = 1 << 20,
  // What 512 streams can add without being asked: both EOF, EXIT and a few WINDOW each, and one last answer.
  QUEUE_SIZE = QUEUE_LIMIT + 512 * 1024,
};

static struct source port = {.fd = -1};
static bool can_read;
static bool can_write;

static const uint64_t away_grace = 1000000000u; // ns
static uint64_t away_since;                     // 0: the host is there, or its absence has had its consequences

static struct frame_parser parser;
static uint8_t input[READ_SIZE];
static size_t input_at;
static size_t input_end;

static uint8_t queue[QUEUE_SIZE];
static size_t queue_head;
static size_t queue_tail;

static void port_ready(struct source *source, uint32_t events);
static bool fill(void);
static void consume(void);

bool channel_start(int fd) {
  frame_parser_reset(&parser);
  can_read = can_write = true;
  return source_open(&port, fd, port_ready, EPOLLIN | EPOLLOUT) == 0;
}

bool channel_restart(void) {
  int fd = dup(port.fd);
  source_close(&port);
  can_read = can_write = true;
  return source_open(&port, fd, port_ready, EPOLLIN | EPOLLOUT) == 0;
}

void channel_close(void) { source_close(&port); }

bool channel_pump(void) {
  channel_flush();
  if (input_at == input_end && channel_queued() < QUEUE_LIMIT && !fill()) {
    return false;
  }
  consume();
  channel_flush();
  return channel_queued() < QUEUE_LIMIT;
}

void channel_flush(void) {
  while (can_write && queue_head < queue_tail) {
    ssize_t count = write(port.fd, queue + queue_head, queue_tail - queue_head);
    if (count > 0) {
      queue_head += (size_t)count;
    } else if (count < 0 && errno != EINTR) {
      can_write = false;
    }
  }
  if (queue_head == queue_tail) {
    queue_head = queue_tail = 0;
  }
}

void channel_drain(int milliseconds) {
  uint64_t deadline = now() + (uint64_t)milliseconds * 1000000u;
  while (channel_queued() > 0 && now() < deadline) {
    struct pollfd wait = {.fd = port.fd, .events = POLLOUT};
    poll(&wait, 1, 10);
    can_write = true;
    channel_flush();
  }
}

uint8_t *channel_reserve(size_t length) {
  if (QUEUE_SIZE - queue_tail < length) {
    memmove(queue, queue + queue_head, queue_tail - queue_head);
    queue_tail -= queue_head;
    queue_head = 0;
  }
  return QUEUE_SIZE - queue_tail < length ? NULL : queue + queue_tail;
}

void channel_commit(size_t length) { queue_tail += length; }

size_t channel_queued(void) { return queue_tail - queue_head; }

uint64_t channel_deadline(void) { return away_since == 0 ? NO_DEADLINE : away_since + away_grace; }

void channel_expire(void) {
  if (away_since != 0 && now() >= away_since + away_grace) {
    away_since = 0;
    channel_forget();
    session_lost();
  }
}

void channel_forget(void) { queue_head = queue_tail = 0; }

static void port_ready(struct source *source, uint32_t events) {
  (void)source;
  (void)events;
  can_read = can_write = true;
}

// A virtio-serial port whose host side is closed reads as ended and polls as readable and hung up for as long as that
// lasts. Edge-triggered, it says so once, and again when a host comes. The kernel learns that from messages of their own,
// which may be later than the first bytes of the next host: hence no conclusion is drawn at once.
static bool fill(void) {
  while (can_read) {
    ssize_t count = read(port.fd, input, READ_SIZE);
    if (count > 0) {
      away_since = 0;
      input_at = 0;
      input_end = (size_t)count;
      return true;
    }
    if (count < 0 && errno == EINTR) {
      continue;
    }
    can_read = false;
    if (count < 0 && errno == EAGAIN) {
      away_since = 0;
    } else if (!agent.in_guest) {
      session_lost();
    } else if (away_since == 0) {
      away_since = now();
    }
  }
  return false;
}

static void consume(void) {
  while (input_at < input_end && channel_queued() < QUEUE_LIMIT) {
    struct frame frame;
    bool complete;
    input_at += frame_parse(&parser, input + input_at, input_end - input_at, &frame, &complete);
    if (complete) {
      session_frame(&frame);
      parser.strict = !session_established();
    }
  }
}
