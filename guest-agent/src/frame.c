#include "frame.h"

#include <string.h>

#include "little.h"

static size_t skip_to_frame(struct frame_parser *parser, const uint8_t *bytes, size_t length);
static bool header_is_possible(const struct frame_parser *parser);
static void hunt(struct frame_parser *parser);

size_t frame_parse(struct frame_parser *parser, const uint8_t *bytes, size_t length, struct frame *frame,
                   bool *complete) {
  size_t used = 0;
  *complete = false;
  while (used < length) {
    if (parser->have == 0) {
      used += skip_to_frame(parser, bytes + used, length - used);
      if (parser->have == 0) {
        continue;
      }
    }
    size_t goal = FRAME_HEADER;
    if (parser->have >= FRAME_HEADER) {
      goal = FRAME_HEADER + little32(parser->bytes + 12) + FRAME_TRAILER;
    }
    size_t part = goal - parser->have;
    if (part > length - used) {
      part = length - used;
    }
    memcpy(parser->bytes + parser->have, bytes + used, part);
    parser->have += part;
    used += part;
    if (parser->have < goal) {
      break;
    }
    if (goal == FRAME_HEADER) {
      if (!header_is_possible(parser)) {
        hunt(parser);
      }
      continue;
    }
    parser->have = 0;
    if (memcmp(parser->bytes + goal - FRAME_TRAILER, parser->bytes + 4, FRAME_TRAILER) != 0) {
      continue;
    }
    frame->type = parser->bytes[1];
    frame->channel = parser->bytes[2];
    frame->session = little32(parser->bytes + 4);
    frame->stream = little32(parser->bytes + 8);
    frame->length = little32(parser->bytes + 12);
    frame->payload = parser->bytes + FRAME_HEADER;
    *complete = true;
    break;
  }
  return used;
}

void frame_parser_reset(struct frame_parser *parser) {
  parser->have = 0;
  parser->zeros = 0;
  parser->hunting = false;
  parser->strict = true;
}

size_t frame_wrap(uint8_t *at, uint8_t type, uint8_t channel, uint32_t session, uint32_t stream, uint32_t length) {
  at[0] = FRAME_MAGIC;
  at[1] = type;
  at[2] = channel;
  at[3] = 0;
  put_little32(at + 4, session);
  put_little32(at + 8, stream);
  put_little32(at + 12, length);
  put_little32(at + FRAME_HEADER + length, session);
  return FRAME_HEADER + length + FRAME_TRAILER;
}

// Consumes padding, or garbage while hunting, and the magic of a frame if one begins.
static size_t skip_to_frame(struct frame_parser *parser, const uint8_t *bytes, size_t length) {
  for (size_t i = 0; i < length; i++) {
    uint8_t byte = bytes[i];
    if (byte == FRAME_MAGIC && (!parser->hunting || parser->zeros >= HUNT_PADDING)) {
      parser->hunting = false;
      parser->bytes[0] = byte;
      parser->have = 1;
      return i + 1;
    }
    if (byte == 0) {
      parser->zeros++;
    } else {
      hunt(parser);
    }
  }
  return length;
}

static bool header_is_possible(const struct frame_parser *parser) {
  uint8_t type = parser->bytes[1];
  bool known = (type >= HELLO && type <= EVENT) || (type >= OPEN && type <= SIGNAL);
  return (known || !parser->strict) && little32(parser->bytes + 12) <= PAYLOAD_MAX;
}

static void hunt(struct frame_parser *parser) {
  parser->hunting = true;
  parser->zeros = 0;
  parser->have = 0;
}
