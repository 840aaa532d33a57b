#pragma once

#include "stream.h"

// Bytes in the channel's queue above which no output is read.
enum { OUTPUT_MARK = 256 * 1024 };

void output_start(struct output *output, int fd);
// False if that is more credit than there can be.
bool output_grant(struct output *output, uint32_t amount);
// Moves one piece to the channel; true if there may be more and it may be sent.
bool output_pump(struct stream *stream, struct output *output);
void output_close(struct stream *stream, struct output *output);

// The command has ended: notes what it left in the pipe.
void output_owe(struct output *output);
// Whether only a background process can still write to it.
bool output_waits(const struct stream *stream, const struct output *output);
