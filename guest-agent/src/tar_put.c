#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tar.h"
#include "transfer.h"

static void put_block(const struct tar_entry *entry, char type, const char *path, uint64_t stored);
static void put_octal(char *field, size_t size, uint64_t value);
static void put_map(struct bytes *map, const struct tar_entry *entry);
static void add_record(struct bytes *records, const char *key, const void *value, size_t length);
static void add_number(struct bytes *records, const char *key, uint64_t value);
static void add_time(struct bytes *records, const struct timespec *time);
static void add_xattr(struct bytes *records, const struct tar_xattr *xattr);

void tar_put(const struct tar_entry *entry) {
  static struct bytes records;
  static struct bytes map;
  static struct bytes path;
  records.length = map.length = path.length = 0;
  bytes_text(&path, entry->path);
  bytes_add(&path, "/", entry->type == '5' ? 2 : 1);
  path.at[path.length - 1] = 0;
  const char *name = (const char *)path.at;
  uint64_t stored = entry->type == '0' ? entry->size : 0;
  if (entry->ranges != NULL) {
    put_map(&map, entry);
    stored = map.length;
    for (size_t i = 0; i < entry->range_count; i++) {
      stored += entry->ranges[i].length;
    }
    add_record(&records, "GNU.sparse.major", "1", 1);
    add_record(&records, "GNU.sparse.minor", "0", 1);
    add_record(&records, "GNU.sparse.name", name, strlen(name));
    add_number(&records, "GNU.sparse.realsize", entry->size);
  } else if (strlen(name) > 100) {
    add_record(&records, "path", name, strlen(name));
  }
  if (entry->link != NULL && strlen(entry->link) > 100) {
    add_record(&records, "linkpath", entry->link, strlen(entry->link));
  }
  if (entry->uid > 07777777) {
    add_number(&records, "uid", entry->uid);
  }
  if (entry->gid > 07777777) {
    add_number(&records, "gid", entry->gid);
  }
  if (stored > 077777777777) {
    add_number(&records, "size", stored);
  }
  if (entry->mtime.tv_nsec != 0 || entry->mtime.tv_sec < 0 || entry->mtime.tv_sec > 077777777777) {
    add_time(&records, &entry->mtime);
  }
  for (size_t i = 0; i < entry->xattr_count; i++) {
    add_xattr(&records, &entry->xattrs[i]);
  }
  if (records.length > 0) {
    static const struct tar_entry header = {.mode = 0644};
    put_block(&header, 'x', "PaxHeaders/x", records.length);
    archive_put(records.at, records.length);
    tar_pad(records.length);
  }
  put_block(entry, entry->type, name, stored);
  archive_put(map.at, map.length);
}

void tar_pad(uint64_t stored) { archive_zeros((TAR_BLOCK - stored % TAR_BLOCK) % TAR_BLOCK); }

void tar_finish(void) {
  archive_zeros(2 * TAR_BLOCK);
  archive_flush();
}

// Fields of a header: name 0, mode 100, uid 108, gid 116, size 124, mtime 136, checksum 148, type 156, link 157,
// magic 257, major 329, minor 337. What does not fit has been said in a record before.
static void put_block(const struct tar_entry *entry, char type, const char *path, uint64_t stored) {
  char block[TAR_BLOCK] = {0};
  unsigned sum = 0;
  size_t length = strlen(path);
  memcpy(block, path, length < 100 ? length : 100);
  put_octal(block + 100, 8, entry->mode & 07777);
  put_octal(block + 108, 8, entry->uid);
  put_octal(block + 116, 8, entry->gid);
  put_octal(block + 124, 12, stored);
  put_octal(block + 136, 12, entry->mtime.tv_sec < 0 ? 0 : (uint64_t)entry->mtime.tv_sec);
  memset(block + 148, ' ', 8);
  block[156] = type;
  if (entry->link != NULL) {
    length = strlen(entry->link);
    memcpy(block + 157, entry->link, length < 100 ? length : 100);
  }
  memcpy(block + 257, "ustar\00000", 8);
  put_octal(block + 329, 8, entry->major);
  put_octal(block + 337, 8, entry->minor);
  for (size_t i = 0; i < TAR_BLOCK; i++) {
    sum += (uint8_t)block[i];
  }
  put_octal(block + 148, 7, sum);
  archive_put(block, TAR_BLOCK);
}

// Digits and a NUL; zeros where it does not fit.
static void put_octal(char *field, size_t size, uint64_t value) {
  if (value >> (3 * (size - 1)) != 0) {
    value = 0;
  }
  field[size - 1] = 0;
  for (size_t i = size - 1; i-- > 0; value >>= 3) {
    field[i] = (char)('0' + (value & 7));
  }
}

static void put_map(struct bytes *map, const struct tar_entry *entry) {
  char line[64];
  uint64_t end = 0;
  if (entry->range_count > 0) {
    const struct tar_range *last = &entry->ranges[entry->range_count - 1];
    end = last->offset + last->length;
  }
  // A hole at the end needs an empty range.
  bool closed = end == entry->size && entry->range_count > 0;
  snprintf(line, sizeof line, "%zu\n", entry->range_count + !closed);
  bytes_text(map, line);
  for (size_t i = 0; i < entry->range_count; i++) {
    snprintf(line, sizeof line, "%llu\n%llu\n", (unsigned long long)entry->ranges[i].offset,
             (unsigned long long)entry->ranges[i].length);
    bytes_text(map, line);
  }
  if (!closed) {
    snprintf(line, sizeof line, "%llu\n0\n", (unsigned long long)entry->size);
    bytes_text(map, line);
  }
  static const uint8_t zeros[TAR_BLOCK];
  bytes_add(map, zeros, (TAR_BLOCK - map->length % TAR_BLOCK) % TAR_BLOCK);
}

// "LENGTH KEY=VALUE\n", where LENGTH counts its own digits.
static void add_record(struct bytes *records, const char *key, const void *value, size_t length) {
  char digits[32];
  size_t rest = strlen(key) + length + 3;
  size_t total = rest;
  for (size_t before = 0; total != before;) {
    before = total;
    total = rest + (size_t)snprintf(digits, sizeof digits, "%zu", total);
  }
  snprintf(digits, sizeof digits, "%zu ", total);
  bytes_text(records, digits);
  bytes_text(records, key);
  bytes_add(records, "=", 1);
  bytes_add(records, value, length);
  bytes_add(records, "\n", 1);
}

static void add_number(struct bytes *records, const char *key, uint64_t value) {
  char text[32];
  snprintf(text, sizeof text, "%llu", (unsigned long long)value);
  add_record(records, key, text, strlen(text));
}

// The fraction goes on from the seconds towards the sign's direction: -1.5 is one and a half before.
static void add_time(struct bytes *records, const struct timespec *time) {
  char text[64];
  long long seconds = time->tv_sec;
  long fraction = time->tv_nsec;
  const char *sign = "";
  if (seconds < 0) {
    sign = "-";
    seconds = fraction > 0 ? -(seconds + 1) : -seconds;
    fraction = fraction > 0 ? 1000000000 - fraction : 0;
  }
  snprintf(text, sizeof text, "%s%lld.%09ld", sign, seconds, fraction);
  size_t length = strlen(text);
  while (fraction != 0 && text[length - 1] == '0') {
    length--;
  }
  add_record(records, "mtime", text, fraction == 0 ? length - 10 : length);
}

// A key ends at its first "=", so one inside a name is written as %3D, and % as %25.
static void add_xattr(struct bytes *records, const struct tar_xattr *xattr) {
  struct bytes key = {0};
  bytes_text(&key, "SCHILY.xattr.");
  for (const char *at = xattr->name; *at != 0; at++) {
    if (*at == '%' || *at == '=') {
      bytes_text(&key, *at == '%' ? "%25" : "%3D");
    } else {
      bytes_add(&key, at, 1);
    }
  }
  bytes_add(&key, "", 1);
  add_record(records, (const char *)key.at, xattr->value, xattr->length);
  free(key.at);
}
