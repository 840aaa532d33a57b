// The process of a copy: a child of the agent, or a helper of the host. It reads standard input, writes standard output,
// and ends itself when something fails, having undone what it did.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Signals that end the copy are noticed from here on. `report` is where a failure to start is told, -1 if nowhere.
void transfer_begin(int report);
// What to do when the copy fails.
void transfer_undo(void (*undo)(void));
// Everything that can be checked beforehand was: what fails now is told on standard error.
void transfer_started(void);
// "ERRNO MESSAGE" and status 1, or 2 for what could not start and has no other way to say so.
_Noreturn void transfer_fail(int error, const char *format, ...) __attribute__((format(printf, 2, 3)));
// Ends in time when the host has gone or wants no more.
void transfer_check(void);

void *transfer_memory(void *old, size_t size);

// Bytes that grow.
struct bytes {
  uint8_t *at;
  size_t length;
  size_t capacity;
};

void bytes_add(struct bytes *bytes, const void *more, size_t length);
void bytes_text(struct bytes *bytes, const char *text);

// Standard output.
void archive_put(const void *bytes, size_t length);
void archive_zeros(size_t length);
// Free room in the buffer, at least 64 KiB; what was written there is then added by `archive_filled`.
uint8_t *archive_room(size_t *room);
void archive_filled(size_t length);
void archive_flush(void);

// Standard input. False at its end, if that came before the first byte; in the middle it is a failure.
bool archive_get(void *bytes, size_t length);
// What is at hand, at most `limit` bytes; NULL at the end.
const uint8_t *archive_take(uint64_t limit, size_t *length);
