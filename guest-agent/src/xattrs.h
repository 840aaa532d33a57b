#pragma once

#include <stdbool.h>

#include "tar.h"

// Of an open file, into the entry; a file system without them has none.
void xattrs_read(int fd, struct tar_entry *entry);
void xattrs_free(struct tar_entry *entry);
// Puts those of the entry on an open file; those of `user.` only if `guarded`. Returns how many could not be.
unsigned xattrs_write(int fd, const struct tar_entry *entry, bool guarded);
