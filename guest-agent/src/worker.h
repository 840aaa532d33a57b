// Operations that may block, or crash, run in a child: the agent goes on serving meanwhile.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fields.h"

struct outcome {
  int error;
  char message[256];
  struct field_writer fields; // of the RESULT
};

typedef void work(const uint8_t *payload, size_t length, struct outcome *outcome);

// False if it could not begin; the host has been told then.
bool worker_start(uint32_t id, uint32_t operation, work *body, const uint8_t *payload, size_t length);
// Does it at once, where nobody else is served yet: a fork takes longer than a small file. Without fields of its own.
void worker_here(uint32_t id, work *body, const uint8_t *payload, size_t length);
void outcome_fail(struct outcome *outcome, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));

// In a forked child: makes `report` descriptor 3, closes all above it, and puts signals back to normal.
void child_settle(int report);
// In a forked child, through its report: what becomes the RESULT.
void child_report(const struct outcome *outcome);
