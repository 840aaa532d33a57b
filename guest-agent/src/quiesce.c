#include "quiesce.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent.h"
#include "boot_id.h"
#include "inroot.h"
#include "protocol.h"
#include "renew.h"

enum { DEPTH = 8 };

// Their directories bear the machine's id.
static const char *const journals[] = {"/run/log/journal", "/var/log/journal"};
// Leases, and the time of the last synchronisation. Directories stay: their owners expect them.
static const char *const emptied[] = {
    "/var/lib/dhcp", "/var/lib/dhcpcd", "/run/systemd/netif", "/var/lib/systemd/timesync",
    "/var/lib/private/systemd/timesync",
};
// What systemd would mix into the random pool at the next boot.
static const char *const deleted[] = {"/var/lib/systemd/random-seed", "/var/lib/urandom/random-seed"};
// Who logged in, and when.
static const char *const truncated[] = {"/var/log/wtmp", "/var/log/btmp", "/var/log/lastlog"};

static void empty_directory(int directory, bool whole, int depth);

void quiesce_work(const uint8_t *payload, size_t length, struct outcome *outcome) {
  (void)outcome;
  uint32_t forget = 0;
  field_u32(payload, length, QUIESCE_FORGET, &forget);
  if (forget != 0 && agent.in_guest) {
    renew_prepare();
    boot_id_cover();
  }
  for (size_t i = 0; forget != 0 && i < sizeof journals / sizeof *journals; i++) {
    empty_directory(root_open(journals[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW), true, DEPTH);
  }
  for (size_t i = 0; forget != 0 && i < sizeof emptied / sizeof *emptied; i++) {
    empty_directory(root_open(emptied[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW), false, DEPTH);
  }
  for (size_t i = 0; forget != 0 && i < sizeof deleted / sizeof *deleted; i++) {
    char parent[64];
    size_t slash = (size_t)(strrchr(deleted[i], '/') - deleted[i]);
    memcpy(parent, deleted[i], slash);
    parent[slash] = 0;
    int directory = root_open(parent, O_PATH | O_DIRECTORY);
    if (directory >= 0) {
      unlinkat(directory, deleted[i] + slash + 1, 0);
      close(directory);
    }
  }
  for (size_t i = 0; forget != 0 && i < sizeof truncated / sizeof *truncated; i++) {
    int file = root_open(truncated[i], O_WRONLY | O_TRUNC | O_NOFOLLOW | O_NONBLOCK);
    if (file >= 0) {
      close(file);
    }
  }
  sync();
}

// Takes the descriptor. With `whole` directories in it go, too.
static void empty_directory(int directory, bool whole, int depth) {
  DIR *entries = directory < 0 ? NULL : fdopendir(directory);
  struct dirent *entry;
  while (entries != NULL && (entry = readdir(entries)) != NULL) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
      continue;
    }
    if (unlinkat(dirfd(entries), entry->d_name, 0) != 0 && errno == EISDIR && depth > 0) {
      empty_directory(openat(dirfd(entries), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), whole,
                      depth - 1);
      if (whole) {
        unlinkat(dirfd(entries), entry->d_name, AT_REMOVEDIR);
      }
    }
  }
  if (entries != NULL) {
    closedir(entries);
  }
}
