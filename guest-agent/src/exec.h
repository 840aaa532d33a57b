#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// What a command's child does, with the stream's channels as its descriptors 0 to 2. Descriptor 3 is the report: what is
// written there (`child_report`) is a RESULT that refuses; RESULT is success when it is closed without a word, as by
// executing a program. The exit status goes into EXIT.
typedef void command_body(const uint8_t *payload, size_t length, bool tty);

// The agent's ends and the command's ends of its channels; a terminal has one descriptor on each side.
struct plumbing {
  bool tty;
  int ours[3];
  int theirs[3];
  int report[2];
};

// Without `input`, which also means without a terminal, standard input is /dev/null. Returns an errno, and leaves nothing then.
int plumbing_make(struct plumbing *plumbing, const uint8_t *payload, size_t length, bool input);
// Starts the child and closes its ends here; -1 with errno if it could not, and then all ends are closed.
pid_t plumbing_fork(struct plumbing *plumbing, command_body *body, const uint8_t *payload, size_t length);

// Starts a child with pipes or a terminal of its own. RESULT follows when it has begun, or could not.
void command_start(uint32_t id, uint32_t operation, command_body *body, const uint8_t *payload, size_t length);
