#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol.h"

struct frame {
  uint8_t type;
  uint8_t channel;
  uint32_t session;
  uint32_t stream;
  uint32_t length;
  const uint8_t *payload; // valid until the parser is fed again
};

struct frame_parser {
  uint8_t bytes[FRAME_MAX];
  size_t have;
  size_t zeros; // padding bytes in a row, while hunting
  bool hunting;
  bool strict; // no handshake yet: a type of no known version is garbage
};

// Takes bytes up to the end of one frame; returns how many. `*complete` says whether `*frame` was filled.
// Frames whose trailer is wrong are dropped here.
size_t frame_parse(struct frame_parser *parser, const uint8_t *bytes, size_t length, struct frame *frame,
                   bool *complete);
void frame_parser_reset(struct frame_parser *parser);

// Writes header and trailer around a payload that is already at `at + FRAME_HEADER`; returns the frame's size.
size_t frame_wrap(uint8_t *at, uint8_t type, uint8_t channel, uint32_t session, uint32_t stream, uint32_t length);
