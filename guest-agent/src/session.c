#include "session.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "agent.h"
#include "channel.h"
#include "fields.h"
#include "loop.h"
#include "read.h"
#include "stream.h"

enum { PING_MAX = 64, EVENT_LOG = 1 };

static uint32_t session;
// 0: the host speaks no version of ours; it has been told so and gets nothing else.
static uint32_t version;

static void hello(const struct frame *frame);
static void welcome(void);

void session_frame(const struct frame *frame) {
  if (frame->type == HELLO) {
    hello(frame);
    return;
  }
  if (!session_established() || frame->session != session) {
    return;
  }
  if (frame->type == PING) {
    if (frame->length <= PING_MAX) {
      send_frame(PONG, 0, 0, frame->payload, frame->length);
    }
  } else if (frame->stream != 0) {
    stream_frame(frame);
  }
}

void session_lost(void) {
  session = 0;
  if (!agent.in_guest) {
    agent.stopping = true;
  }
  streams_hang_up();
}

bool session_established(void) { return session != 0 && version != 0; }

uint32_t session_version(void) { return session == 0 ? 0 : version; }

void send_frame(uint8_t type, uint8_t channel, uint32_t stream, const void *payload, size_t length) {
  if (session == 0) {
    return;
  }
  uint8_t *at = channel_reserve(FRAME_HEADER + length + FRAME_TRAILER);
  if (at == NULL) {
    // The queue is sized so that this cannot be; a stream with a hole in it would be worse than no stream.
    channel_forget();
    session_lost();
    return;
  }
  if (length > 0) {
    memcpy(at + FRAME_HEADER, payload, length);
  }
  channel_commit(frame_wrap(at, type, channel, session, stream, (uint32_t)length));
}

void send_result(uint32_t stream, int error, const char *message) {
  uint8_t bytes[512];
  struct field_writer writer = {.bytes = bytes, .capacity = sizeof bytes};
  put_u32(&writer, RESULT_ERRNO, (uint32_t)error);
  if (message != NULL) {
    put_text(&writer, RESULT_MESSAGE, message);
  }
  send_frame(RESULT, 0, stream, bytes, writer.length);
}

void send_reset(uint32_t stream, int error, const char *message) {
  uint8_t bytes[512];
  struct field_writer writer = {.bytes = bytes, .capacity = sizeof bytes};
  put_u32(&writer, RESULT_ERRNO, (uint32_t)error);
  put_text(&writer, RESULT_MESSAGE, message);
  send_frame(RESET, 0, stream, bytes, writer.length);
}

void send_log(const char *format, ...) {
  char text[400];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  if (agent.in_guest) {
    int log = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
    if (log >= 0) {
      dprintf(log, "<6>banger-agent: %s\n", text);
      close(log);
    }
  }
  if (session_established()) {
    uint8_t bytes[512];
    struct field_writer writer = {.bytes = bytes, .capacity = sizeof bytes};
    put_u32(&writer, EVENT_KIND, EVENT_LOG);
    put_text(&writer, EVENT_TEXT, text);
    send_frame(EVENT, 0, 0, bytes, writer.length);
  }
}

uint8_t *data_reserve(size_t length) {
  uint8_t *at = channel_reserve(FRAME_HEADER + length + FRAME_TRAILER);
  return at == NULL ? NULL : at + FRAME_HEADER;
}

void data_commit(uint8_t channel, uint32_t stream, size_t length) {
  uint8_t *at = channel_reserve(FRAME_HEADER + length + FRAME_TRAILER);
  channel_commit(frame_wrap(at, DATA, channel, session, stream, (uint32_t)length));
}

static void hello(const struct frame *frame) {
  uint32_t oldest;
  uint32_t newest;
  if (frame->session == 0 || !fields_valid(frame->payload, frame->length) ||
      !field_u32(frame->payload, frame->length, HELLO_VERSION_MIN, &oldest) ||
      !field_u32(frame->payload, frame->length, HELLO_VERSION_MAX, &newest)) {
    return;
  }
  // The host repeats itself until it hears an answer. Only the first of its calls begins something new.
  if (frame->session != session) {
    session = 0;
    streams_hang_up();
    channel_forget();
    session = frame->session;
  }
  version = newest < PROTOCOL_NEWEST ? newest : PROTOCOL_NEWEST;
  if (version < oldest || version < PROTOCOL_OLDEST) {
    version = 0;
  }
  welcome();
}

static void welcome(void) {
  uint8_t bytes[1024];
  struct field_writer writer = {.bytes = bytes, .capacity = sizeof bytes};
  put_u32(&writer, WELCOME_VERSION, version);
  put_u32(&writer, WELCOME_VERSION_MIN, PROTOCOL_OLDEST);
  put_u32(&writer, WELCOME_VERSION_MAX, PROTOCOL_NEWEST);
  put_text(&writer, WELCOME_BUILD, build_id);
  put_u32(&writer, WELCOME_PHASE, agent.phase);
  put_u64(&writer, WELCOME_UPTIME, now());
  struct utsname name;
  if (uname(&name) == 0) {
    put_text(&writer, WELCOME_KERNEL, name.release);
  }
  char boot_id[64];
  if (read_line("/proc/sys/kernel/random/boot_id", boot_id, sizeof boot_id)) {
    put_text(&writer, WELCOME_BOOT_ID, boot_id);
  }
  put_u64(&writer, WELCOME_START, agent.started);
  send_frame(WELCOME, 0, 0, bytes, writer.length);
}
