// The last output of a command that nobody may be listening to: pieces of both channels in their order.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LOG_KEPT = 1 << 20 };

// A ring that grows up to its limit. Positions count all bytes that ever went in, headers of pieces included.
struct output_log {
  uint8_t *bytes;
  size_t room;
  uint64_t begin; // where the oldest piece's header is
  uint64_t end;
  uint64_t kept;   // bytes of output in it
  uint64_t total;  // bytes of output that ever went in
  uint64_t newest; // where the newest piece's header is
  bool sealed;     // a reader has been at the end: the newest piece must not grow any more
};

// A reader's place.
struct output_log_reader {
  uint64_t at;
  size_t left; // of the piece under way
  uint8_t channel;
  uint64_t seen; // bytes of output before `at`
  uint64_t lost; // of those, how many were dropped before they were read
};

// Adds at most 65535 bytes; drops the oldest beyond what is kept. Without memory it keeps less.
void output_log_add(struct output_log *log, uint8_t channel, const uint8_t *bytes, size_t length);
struct output_log_reader output_log_begin(const struct output_log *log);
// How much there is of one channel, at most `limit`; 0 at the end.
size_t output_log_peek(struct output_log *log, struct output_log_reader *reader, size_t limit);
void output_log_take(const struct output_log *log, struct output_log_reader *reader, uint8_t *bytes, size_t length);
void output_log_free(struct output_log *log);
