#pragma once

#include "stream.h"

void input_start(struct stream *stream, int fd, bool tty);
// Of a connection, whose descriptor is there already: it can be written to from now on.
void input_resume(struct stream *stream);
// False if the host broke the rules: no credit, or data after the end.
bool input_take(struct stream *stream, const uint8_t *bytes, size_t length);
void input_end(struct stream *stream);
void input_close(struct stream *stream);
