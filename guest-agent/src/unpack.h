// What comes on standard input, put where it belongs.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct unpack_request {
  const char *path;  // the destination: absolute, resolved inside the root
  bool directory;    // it must be one
  bool keep_owners;  // those of the archive; else `uid` and `gid`
  bool guarded;      // the archive is hostile and this is the host: no owners, devices or set-id bits, and no link is followed
  uid_t uid;
  gid_t gid;
};

// An archive. A destination that is a directory gets the members below it; else they take its name in place of the first
// component of theirs. Writes "MEMBERS BYTES LEFT-OUT\n" in the end, of which the last counts what could not be restored.
_Noreturn void unpack(const struct unpack_request *request);

// The plain content of one file. What is replaced keeps owner and mode unless they are given.
_Noreturn void store(const struct unpack_request *request, bool has_owner, bool has_mode, mode_t mode);
