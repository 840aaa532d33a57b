// The byte stream to the host.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Owns the descriptor: a virtio-serial port, or a socket.
bool channel_start(int fd);
// After a fork, in the process that goes on serving.
bool channel_restart(void);
void channel_close(void);

// Writes what waits and acts on a bounded amount of what came in; true if there is more to do at once.
bool channel_pump(void);
void channel_flush(void);
// Waits until everything is written, at most that long.
void channel_drain(int milliseconds);

// Room for bytes at the end of the queue, NULL when it has none; commit makes them part of it.
uint8_t *channel_reserve(size_t length);
void channel_commit(size_t length);
size_t channel_queued(void);
// When a host that has gone is given up, and the giving up.
uint64_t channel_deadline(void);
void channel_expire(void);
// Drops what waits to be written.
void channel_forget(void);
