#include "output_log.h"

#include <stdlib.h>
#include <string.h>

// u8 channel, u16 length
enum { HEADER = 3, PIECE_MAX = 65535, ROOM_FIRST = 16 * 1024, ROOM_MAX = LOG_KEPT + 128 * 1024 };

static bool make_room(struct output_log *log, size_t needed);
static bool grow(struct output_log *log, size_t needed);
static void drop(struct output_log *log, uint64_t length);
static void put(struct output_log *log, uint64_t at, const uint8_t *bytes, size_t length);
static void get(const struct output_log *log, uint64_t at, uint8_t *bytes, size_t length);
static void put_header(struct output_log *log, uint64_t at, uint8_t channel, size_t length);
static size_t get_header(const struct output_log *log, uint64_t at, uint8_t *channel);

void output_log_add(struct output_log *log, uint8_t channel, const uint8_t *bytes, size_t length) {
  if (length == 0) {
    return;
  }
  log->total += length;
  if (!make_room(log, HEADER + length)) {
    return;
  }
  uint8_t last = 0;
  size_t had = log->kept > 0 && !log->sealed ? get_header(log, log->newest, &last) : 0;
  if (had > 0 && last == channel && had + length <= PIECE_MAX) {
    put_header(log, log->newest, channel, had + length);
  } else {
    log->newest = log->end;
    put_header(log, log->end, channel, length);
    log->end += HEADER;
    log->sealed = false;
  }
  put(log, log->end, bytes, length);
  log->end += length;
  log->kept += length;
  if (log->kept > LOG_KEPT) {
    drop(log, log->kept - LOG_KEPT);
  }
}

struct output_log_reader output_log_begin(const struct output_log *log) {
  uint64_t gone = log->total - log->kept;
  return (struct output_log_reader){.at = log->begin, .seen = gone, .lost = gone};
}

size_t output_log_peek(struct output_log *log, struct output_log_reader *reader, size_t limit) {
  // Inside the header at the beginning there was output before the piece was shortened.
  if (reader->at < log->begin || (reader->left > 0 && reader->at < log->begin + HEADER)) {
    uint64_t gone = log->total - log->kept;
    reader->lost += gone - reader->seen;
    reader->seen = gone;
    reader->at = log->begin;
    reader->left = 0;
  }
  if (reader->left == 0) {
    if (reader->at == log->end) {
      return 0;
    }
    reader->left = get_header(log, reader->at, &reader->channel);
    reader->at += HEADER;
    log->sealed = true;
  }
  return reader->left < limit ? reader->left : limit;
}

void output_log_take(const struct output_log *log, struct output_log_reader *reader, uint8_t *bytes, size_t length) {
  get(log, reader->at, bytes, length);
  reader->at += length;
  reader->left -= length;
  reader->seen += length;
}

void output_log_free(struct output_log *log) {
  free(log->bytes);
  *log = (struct output_log){0};
}

static bool make_room(struct output_log *log, size_t needed) {
  while (log->room - (size_t)(log->end - log->begin) < needed) {
    if (log->room == ROOM_MAX || !grow(log, needed)) {
      if (log->kept == 0) {
        return false;
      }
      drop(log, needed < log->kept ? needed : log->kept);
    }
  }
  return true;
}

static bool grow(struct output_log *log, size_t needed) {
  size_t room = log->room == 0 ? ROOM_FIRST : 2 * log->room;
  while (room < needed) {
    room *= 2;
  }
  room = room < ROOM_MAX ? room : ROOM_MAX;
  uint8_t *bytes = malloc(room);
  if (bytes == NULL) {
    return false;
  }
  struct output_log grown = *log;
  grown.bytes = bytes;
  grown.room = room;
  for (uint64_t at = log->begin; at < log->end;) {
    // Up to where either of the rings begins again.
    size_t part = (size_t)(log->end - at);
    part = part < log->room - at % log->room ? part : log->room - at % log->room;
    put(&grown, at, log->bytes + at % log->room, part);
    at += part;
  }
  free(log->bytes);
  *log = grown;
  return true;
}

// Drops the oldest bytes of output. What is left of a piece gets a header of its own, in the place of dropped bytes.
static void drop(struct output_log *log, uint64_t length) {
  log->kept -= length;
  while (length > 0) {
    uint8_t channel;
    size_t piece = get_header(log, log->begin, &channel);
    if (piece <= length) {
      log->begin += HEADER + piece;
      length -= piece;
      continue;
    }
    bool newest = log->newest == log->begin;
    log->begin += length;
    put_header(log, log->begin, channel, piece - (size_t)length);
    log->newest = newest ? log->begin : log->newest;
    length = 0;
  }
}

static void put(struct output_log *log, uint64_t at, const uint8_t *bytes, size_t length) {
  size_t index = (size_t)(at % log->room);
  size_t part = length < log->room - index ? length : log->room - index;
  memcpy(log->bytes + index, bytes, part);
  memcpy(log->bytes, bytes + part, length - part);
}

static void get(const struct output_log *log, uint64_t at, uint8_t *bytes, size_t length) {
  size_t index = (size_t)(at % log->room);
  size_t part = length < log->room - index ? length : log->room - index;
  memcpy(bytes, log->bytes + index, part);
  memcpy(bytes + part, log->bytes, length - part);
}

static void put_header(struct output_log *log, uint64_t at, uint8_t channel, size_t length) {
  uint8_t header[HEADER] = {channel, (uint8_t)length, (uint8_t)(length >> 8)};
  put(log, at, header, HEADER);
}

static size_t get_header(const struct output_log *log, uint64_t at, uint8_t *channel) {
  uint8_t header[HEADER];
  get(log, at, header, HEADER);
  *channel = header[0];
  return (size_t)header[1] | (size_t)header[2] << 8;
}
