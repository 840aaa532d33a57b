// Users and groups from the machine's own files, without its libraries.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { GROUPS = 1024 };

struct account {
  char name[256];
  uid_t uid;
  gid_t gid;
  gid_t tty_gid; // the group that may write to terminals
  char home[4096];
  char shell[4096];
  size_t group_count;
  gid_t groups[GROUPS];
};

// `user`, `uid`, `user:group` or `uid:gid`. A uid without an entry is accepted, as is root where there is no file.
// False with a sentence in `problem` for a name that does not exist.
bool account_find(const char *specification, struct account *account, char *problem, size_t size);
