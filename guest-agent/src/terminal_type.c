#include "terminal_type.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "inroot.h"

static const char *const places[] = {"/etc/terminfo", "/lib/terminfo", "/usr/lib/terminfo", "/usr/share/terminfo"};
// Most terminals of today are like the first.
static const char *const usual[] = {"xterm-256color", "xterm", "vt100"};

enum { PLACES = sizeof places / sizeof *places, USUAL = sizeof usual / sizeof *usual };

static bool described(const char *name);
static bool exists(const char *path);

const char *terminal_type(const char *wanted) {
  bool any = false;
  for (unsigned i = 0; i < PLACES; i++) {
    any |= exists(places[i]);
  }
  if (!any || described(wanted)) {
    return wanted;
  }
  for (unsigned i = 0; i < USUAL; i++) {
    if (described(usual[i])) {
      return usual[i];
    }
  }
  return wanted;
}

// The entry of `xterm` is x/xterm, or 78/xterm where names differ from others by case alone.
static bool described(const char *name) {
  if (name[0] == 0 || name[0] == '.' || strchr(name, '/') != NULL || strlen(name) > 64) {
    return false;
  }
  for (unsigned i = 0; i < PLACES; i++) {
    char path[256];
    snprintf(path, sizeof path, "%s/%c/%s", places[i], name[0], name);
    if (exists(path)) {
      return true;
    }
    snprintf(path, sizeof path, "%s/%02x/%s", places[i], (unsigned char)name[0], name);
    if (exists(path)) {
      return true;
    }
  }
  return false;
}

static bool exists(const char *path) {
  int fd = root_open(path, O_PATH);
  if (fd < 0) {
    return false;
  }
  close(fd);
  return true;
}
