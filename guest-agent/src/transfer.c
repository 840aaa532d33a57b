#include "transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "worker.h"

enum {
  BUFFER = 256 * 1024,
  ROOM = 64 * 1024,
  // The most that an ordinary user may ask for.
  PIPE_SIZE = 1024 * 1024,
};

static int report_fd = -1;
static bool in_agent;
static bool started;
static void (*undo_all)(void);
static volatile sig_atomic_t interrupted;

static uint8_t output_buffer[BUFFER];
static size_t output_used;
static uint8_t input_buffer[BUFFER];
static size_t input_at;
static size_t input_end;

static void interrupt(int number);
static void undo(void);
static bool fill(void);

void transfer_begin(int report) {
  report_fd = report;
  in_agent = report >= 0;
  // Without SA_RESTART: what waits is to wake up.
  struct sigaction action = {.sa_handler = interrupt};
  sigaction(SIGHUP, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);
  signal(SIGPIPE, SIG_IGN);
  // Fewer switches between the ends; a pipe that stays as it is works, too.
  fcntl(0, F_SETPIPE_SZ, PIPE_SIZE);
  fcntl(1, F_SETPIPE_SZ, PIPE_SIZE);
}

void transfer_undo(void (*how)(void)) { undo_all = how; }

void transfer_started(void) {
  started = true;
  if (report_fd >= 0) {
    close(report_fd);
    report_fd = -1;
  }
}

_Noreturn void transfer_fail(int error, const char *format, ...) {
  uint8_t fields[1];
  struct outcome outcome = {.error = error, .fields = {.bytes = fields}};
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(outcome.message, sizeof outcome.message, format, arguments);
  va_end(arguments);
  undo();
  if (report_fd >= 0) {
    child_report(&outcome);
  } else {
    dprintf(2, "%d %s\n", error, outcome.message);
  }
  _exit(started ? 1 : 2);
}

void transfer_check(void) {
  if (interrupted) {
    transfer_fail(EINTR, "interrupted");
  }
}

void *transfer_memory(void *old, size_t size) {
  void *memory = realloc(old, size);
  if (memory == NULL) {
    transfer_fail(ENOMEM, "out of memory");
  }
  return memory;
}

void bytes_add(struct bytes *bytes, const void *more, size_t length) {
  if (bytes->capacity - bytes->length < length) {
    bytes->capacity = (bytes->length + length) * 2;
    bytes->at = transfer_memory(bytes->at, bytes->capacity);
  }
  if (length > 0) {
    memcpy(bytes->at + bytes->length, more, length);
  }
  bytes->length += length;
}

void bytes_text(struct bytes *bytes, const char *text) { bytes_add(bytes, text, strlen(text)); }

void archive_put(const void *bytes, size_t length) {
  while (length > 0) {
    size_t room;
    uint8_t *at = archive_room(&room);
    size_t part = room < length ? room : length;
    memcpy(at, bytes, part);
    archive_filled(part);
    bytes = (const uint8_t *)bytes + part;
    length -= part;
  }
}

void archive_zeros(size_t length) {
  static const uint8_t zeros[512];
  for (; length > sizeof zeros; length -= sizeof zeros) {
    archive_put(zeros, sizeof zeros);
  }
  archive_put(zeros, length);
}

uint8_t *archive_room(size_t *room) {
  if (BUFFER - output_used < ROOM) {
    archive_flush();
  }
  *room = BUFFER - output_used;
  return output_buffer + output_used;
}

void archive_filled(size_t length) { output_used += length; }

void archive_flush(void) {
  for (size_t at = 0; at < output_used;) {
    transfer_check();
    ssize_t count = write(1, output_buffer + at, output_used - at);
    if (count > 0) {
      at += (size_t)count;
    } else if (count < 0 && errno != EINTR) {
      transfer_fail(errno, "the output was closed");
    }
  }
  output_used = 0;
}

bool archive_get(void *bytes, size_t length) {
  size_t got = 0;
  while (got < length) {
    size_t part;
    const uint8_t *at = archive_take(length - got, &part);
    if (at == NULL) {
      if (got > 0) {
        transfer_fail(EPROTO, "the archive ends early");
      }
      return false;
    }
    memcpy((uint8_t *)bytes + got, at, part);
    got += part;
  }
  return true;
}

const uint8_t *archive_take(uint64_t limit, size_t *length) {
  if (input_at == input_end && !fill()) {
    return NULL;
  }
  size_t have = input_end - input_at;
  *length = have < limit ? have : (size_t)limit;
  const uint8_t *at = input_buffer + input_at;
  input_at += *length;
  return at;
}

static void interrupt(int number) {
  (void)number;
  interrupted = 1;
}

// An agent whose host wants no more kills what is left after two seconds. To take back a large copy may last longer, so
// that is done by a process that no one but init knows.
static void undo(void) {
  void (*how)(void) = undo_all;
  undo_all = NULL;
  if (how == NULL) {
    return;
  }
  pid_t pid = interrupted && in_agent ? fork() : -1;
  if (pid > 0) {
    return;
  }
  if (pid == 0) {
    setsid();
  }
  how();
  if (pid == 0) {
    _exit(0);
  }
}

static bool fill(void) {
  for (;;) {
    transfer_check();
    ssize_t count = read(0, input_buffer, BUFFER);
    if (count > 0) {
      input_at = 0;
      input_end = (size_t)count;
      return true;
    }
    if (count == 0) {
      transfer_check();
      return false;
    }
    if (errno != EINTR) {
      transfer_fail(errno, "the input cannot be read: %s", strerror(errno));
    }
  }
}
