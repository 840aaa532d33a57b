#include "ports.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "channel.h"
#include "fields.h"
#include "loop.h"
#include "output.h"
#include "read.h"
#include "session.h"
#include "stream.h"

enum {
  // More than that are not told of.
  LISTENERS = 1024,
  NAME_SIZE = 16,
  // Descriptors looked at for the owners of new sockets, at most, in one go.
  SEARCH_MAX = 20000,
  TCP_LISTENING = 10,
  // u8 family, u8 zero, u16 port, u8[16] address
  RECORD_FIXED = 20,
  RECORD_MAX = 8 + RECORD_FIXED + NAME_SIZE,
  PAYLOAD = 4096,
};

static const uint64_t interval = 400000000u; // ns

struct listener {
  uint8_t family; // 4 or 6; 0: the entry is free
  uint16_t port;
  uint8_t address[16]; // in network order
  unsigned long inode;
  char name[NAME_SIZE]; // of the process
  bool named;
  bool present;
  bool told;
};

static struct listener listeners[LISTENERS];
static struct stream *watcher;
static uint32_t watcher_id;
static uint64_t next_look;

static bool watched(void);
static void look(void);
static void read_table(const char *path, uint8_t family);
static void note(uint8_t family, const char *hex, unsigned port, unsigned long inode);
static void find_owners(void);
static unsigned search(const char *pid, unsigned left);
static void tell(void);
static void put_listener(struct field_writer *writer, const struct listener *listener);

void ports_watch(uint32_t id) {
  if (watched()) {
    send_result(id, EBUSY, "the ports are watched already");
    return;
  }
  watcher = stream_create(id, STREAM_WATCH, OP_PORTS, 0, -1);
  watcher_id = id;
  memset(listeners, 0, sizeof listeners);
  send_result(id, 0, NULL);
  next_look = now();
}

uint64_t ports_deadline(void) { return watched() ? next_look : NO_DEADLINE; }

void ports_expire(void) {
  if (watched() && now() >= next_look) {
    look();
    next_look = now() + interval;
  }
}

// Streams are reused: the one that watched may be another's by now.
static bool watched(void) {
  return watcher != NULL && watcher->used && watcher->kind == STREAM_WATCH && watcher->id == watcher_id &&
         watcher_id != 0;
}

static void look(void) {
  for (unsigned i = 0; i < LISTENERS; i++) {
    listeners[i].present = false;
  }
  read_table("/proc/net/tcp", 4);
  read_table("/proc/net/tcp6", 6);
  find_owners();
  tell();
}

// The kernel lists what listens before everything else.
static void read_table(const char *path, uint8_t family) {
  FILE *table = fopen(path, "re");
  char line[512];
  if (table == NULL) {
    return;
  }
  if (fgets(line, sizeof line, table) != NULL) {
    while (fgets(line, sizeof line, table) != NULL) {
      char hex[33];
      unsigned port;
      unsigned state;
      unsigned long inode;
      if (sscanf(line, " %*d: %32[0-9A-F]:%x %*[0-9A-F]:%*x %x %*x:%*x %*x:%*x %*x %*u %*u %lu", hex, &port, &state,
                 &inode) != 4 ||
          state != TCP_LISTENING) {
        break;
      }
      note(family, hex, port, inode);
    }
  }
  fclose(table);
}

static void note(uint8_t family, const char *hex, unsigned port, unsigned long inode) {
  uint8_t address[16] = {0};
  for (size_t word = 0; word < strlen(hex) / 8; word++) {
    char digits[9] = {0};
    memcpy(digits, hex + 8 * word, 8);
    // Printed as a number of this machine, although it is in network order.
    uint32_t value = (uint32_t)strtoul(digits, NULL, 16);
    memcpy(address + 4 * word, &value, 4);
  }
  struct listener *free_entry = NULL;
  for (unsigned i = 0; i < LISTENERS; i++) {
    struct listener *entry = &listeners[i];
    if (entry->family == 0) {
      free_entry = free_entry == NULL ? entry : free_entry;
      continue;
    }
    if (entry->family != family || entry->port != port || memcmp(entry->address, address, 16) != 0) {
      continue;
    }
    // Several sockets may share an address: the first of each look counts.
    if (!entry->present && entry->inode != inode) {
      entry->inode = inode;
      entry->named = false;
    }
    entry->present = true;
    return;
  }
  if (free_entry != NULL) {
    *free_entry = (struct listener){.family = family, .port = (uint16_t)port, .inode = inode, .present = true};
    memcpy(free_entry->address, address, 16);
  }
}

// Goes through the processes only when there is something new.
static void find_owners(void) {
  bool any = false;
  for (unsigned i = 0; i < LISTENERS; i++) {
    any |= listeners[i].present && !listeners[i].named;
  }
  DIR *processes = any ? opendir("/proc") : NULL;
  if (processes == NULL) {
    return;
  }
  struct dirent *entry;
  unsigned left = SEARCH_MAX;
  while (left > 0 && (entry = readdir(processes)) != NULL) {
    if (isdigit((unsigned char)entry->d_name[0])) {
      left = search(entry->d_name, left);
    }
  }
  closedir(processes);
  for (unsigned i = 0; i < LISTENERS; i++) {
    listeners[i].named |= listeners[i].present;
  }
}

// An init that holds a service's socket comes first in the list, and the service itself later: the last one counts.
static unsigned search(const char *pid, unsigned left) {
  char path[300];
  snprintf(path, sizeof path, "/proc/%s/fd", pid);
  DIR *descriptors = opendir(path);
  struct dirent *entry;
  while (descriptors != NULL && left > 0 && (entry = readdir(descriptors)) != NULL) {
    char target[64];
    unsigned long inode;
    left--;
    ssize_t length = readlinkat(dirfd(descriptors), entry->d_name, target, sizeof target - 1);
    if (length <= 0) {
      continue;
    }
    target[length] = 0;
    if (sscanf(target, "socket:[%lu]", &inode) != 1) {
      continue;
    }
    for (unsigned i = 0; i < LISTENERS; i++) {
      struct listener *listener = &listeners[i];
      if (listener->family == 0 || listener->named || listener->inode != inode) {
        continue;
      }
      char name[NAME_SIZE] = "";
      snprintf(path, sizeof path, "/proc/%s/comm", pid);
      if (read_line(path, name, sizeof name) && strcmp(name, listener->name) != 0) {
        memcpy(listener->name, name, NAME_SIZE);
        listener->told = false;
      }
    }
  }
  if (descriptors != NULL) {
    closedir(descriptors);
  }
  return left;
}

// What the host has no credit for is told at the next look.
static void tell(void) {
  uint8_t bytes[PAYLOAD];
  struct output *output = &watcher->outputs[0];
  struct field_writer writer = {.bytes = bytes, .capacity = sizeof bytes};
  for (unsigned i = 0; i < LISTENERS; i++) {
    struct listener *listener = &listeners[i];
    if (listener->family == 0 || listener->present == listener->told) {
      continue;
    }
    if (writer.length + RECORD_MAX > PAYLOAD || writer.length + RECORD_MAX > output->credit ||
        channel_queued() >= OUTPUT_MARK) {
      break;
    }
    put_listener(&writer, listener);
    listener->told = listener->present;
    if (!listener->present) {
      listener->family = 0;
    }
  }
  for (unsigned i = 0; i < LISTENERS; i++) {
    if (listeners[i].family != 0 && !listeners[i].present && !listeners[i].told) {
      listeners[i].family = 0;
    }
  }
  if (writer.length > 0) {
    output->credit -= (uint32_t)writer.length;
    send_frame(DATA, STDOUT, watcher->id, bytes, writer.length);
  }
}

static void put_listener(struct field_writer *writer, const struct listener *listener) {
  uint8_t record[RECORD_FIXED + NAME_SIZE] = {listener->family, 0, (uint8_t)listener->port,
                                              (uint8_t)(listener->port >> 8)};
  size_t name = listener->present ? strnlen(listener->name, NAME_SIZE) : 0;
  memcpy(record + 4, listener->address, 16);
  memcpy(record + RECORD_FIXED, listener->name, name);
  put_field(writer, listener->present ? PORTS_OPENED : PORTS_CLOSED, record, RECORD_FIXED + name);
}
