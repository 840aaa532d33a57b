#include "gather.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint32_t stream;
static uint8_t *bytes;
static size_t used;
static size_t room;

int gather_add(const struct frame *frame, const char **problem) {
  if (used + frame->length > OPEN_MAX) {
    gather_forget();
    *problem = "an OPEN that is too long";
    return EPROTO;
  }
  stream = frame->stream;
  if (bytes == NULL || used + frame->length > room) {
    size_t wanted = room == 0 ? 4 * PAYLOAD_MAX : 2 * room;
    wanted = wanted > OPEN_MAX ? OPEN_MAX : wanted;
    uint8_t *grown = realloc(bytes, wanted);
    if (grown == NULL) {
      gather_forget();
      *problem = "no memory for an OPEN of that length";
      return ENOMEM;
    }
    bytes = grown;
    room = wanted;
  }
  memcpy(bytes + used, frame->payload, frame->length);
  used += frame->length;
  return 0;
}

int gather_finish(struct frame *frame, const char **problem) {
  if (stream == 0) {
    return 0;
  }
  int error = gather_add(frame, problem);
  if (error == 0) {
    frame->payload = bytes;
    frame->length = (uint32_t)used;
  }
  return error;
}

uint32_t gather_stream(void) { return stream; }

void gather_forget(void) {
  free(bytes);
  bytes = NULL;
  used = room = 0;
  stream = 0;
}
