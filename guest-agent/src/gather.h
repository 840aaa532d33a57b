// The payload of an OPEN that takes more than one frame: MORE, MORE, OPEN.
#pragma once

#include "frame.h"

// Keeps a piece. Returns 0 or an errno, with a sentence in `*problem`; what was kept is then forgotten.
int gather_add(const struct frame *frame, const char **problem);
// Makes the frame of an OPEN whole; its payload is valid until `gather_forget`. Returns as `gather_add` does.
int gather_finish(struct frame *frame, const char **problem);
// The stream whose OPEN is not whole yet, or 0.
uint32_t gather_stream(void);
void gather_forget(void);
