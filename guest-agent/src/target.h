// The destination of a copy, and the names below it, none of which leads out of it.
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct target {
  int directory;   // the destination, or the directory that it is in
  char *name;      // its name there; NULL if the destination is itself a directory
  bool exists;
  bool slash;      // it was named as a directory
};

// What a path names, links in its last place followed. Returns 0 or -errno.
int target_find(const char *path, struct target *target);

// A relative path below a directory ("" is the directory itself), without ever leaving it. Returns a descriptor or -errno.
int beneath_open(int directory, const char *path, int flags, bool links);
// Removes a file, or a directory with everything below.
void remove_tree(int directory, const char *name);
