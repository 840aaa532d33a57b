#pragma once

#include "stream.h"

// Connects to what listens in the guest; the stream then carries the connection.
void dial_start(uint32_t id, const uint8_t *payload, size_t length);
// Makes a stream of a socket that is connected, and says so to the host.
void socket_attach(struct stream *stream, int fd);
// Closed before its end, the connection breaks for its peer.
void socket_break(struct stream *stream);
