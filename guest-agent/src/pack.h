// Files as an archive on standard output.
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct pack_source {
  const char *path; // absolute, resolved inside the root
  const char *name; // in the archive, "." for what is below it
};

// With `follow` a source that is a symbolic link stands for what it leads to; links below are packed as links. A source
// that cannot be opened is told before anything is written.
_Noreturn void pack(const struct pack_source *sources, size_t count, bool follow);
