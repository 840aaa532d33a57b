// The streams of a session: commands with their three channels, and operations that work in a child.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "frame.h"
#include "loop.h"
#include "output_log.h"

enum {
  STREAMS = 512,
  CREDIT = 131072,
  GRANT_STEP = 32768,
  REPORT_SIZE = 2048,
};

// One of a command's outputs: its descriptor is read when the host has given credit for what comes out of it.
struct output {
  struct source source;
  uint8_t channel;
  bool ready;
  uint32_t credit;
  size_t owed; // bytes that were in the pipe when the command ended, and must reach the host
};

// A command's input: what the descriptor does not take waits here; credit keeps it within its size.
struct input {
  struct source source;
  bool writable;
  bool ended;  // the host said so
  bool tty;
  int broken; // errno of the write that failed for good
  uint8_t last; // byte written to a terminal
  uint8_t *bytes; // ring of CREDIT bytes, NULL while nothing waits
  size_t head;
  size_t used;
  uint32_t credit; // what the host may still send
  uint32_t taken;  // what was consumed and not granted again
};

enum stream_kind {
  STREAM_WORK,    // an operation in a child, which ends with its RESULT
  STREAM_COMMAND, // a child whose standard channels are the stream's; EXIT ends it
  STREAM_VIEW,    // the outputs of a command that no session holds
  STREAM_SOCKET,  // a connection
  STREAM_WATCH,   // what is told of as it changes, until the host has enough
};

struct stream {
  bool used;
  enum stream_kind kind;
  uint32_t id; // 0: its session has gone
  uint32_t operation;
  pid_t pid;
  bool started;
  bool ended;
  int status; // as of wait()
  uint64_t drain_until;
  uint64_t deadline; // of the command
  bool timed_out;
  uint32_t job; // that is followed
  struct output_log_reader reader;
  // A child writes the payload of its RESULT here. A command that was executed leaves it empty.
  struct source report;
  size_t report_length;
  uint8_t report_bytes[REPORT_SIZE];
  uint16_t second_port; // of a connection: tried on ::1 when 127.0.0.1 refuses it
  struct input input;
  struct output outputs[2];
};

void stream_frame(const struct frame *frame);
void stream_child_ended(pid_t pid, int status);
// NULL if all are in use. The report's descriptor becomes the stream's; -1: it has none.
struct stream *stream_create(uint32_t id, enum stream_kind kind, uint32_t operation, pid_t pid, int report);
// Answers the OPEN with an error and ends the stream.
void stream_refuse(struct stream *stream, int error, const char *message);
// Ends the stream with a RESET.
void stream_fail(struct stream *stream, int error, const char *message);
// Ends the outputs and the stream, with the payload of its EXIT.
void stream_exit(struct stream *stream, const uint8_t *payload, size_t length);
// Whether it carries a connection instead of a command.
bool stream_is_socket(const struct stream *stream);
bool stream_available(void);
bool streams_working(void);

// Moves output to the channel, within its limits; true if there is more to do at once.
bool streams_pump(void);
uint64_t streams_deadline(void);
void streams_expire(void);
// Ends everything that is attached to the session.
void streams_hang_up(void);
