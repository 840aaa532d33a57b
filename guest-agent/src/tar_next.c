#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tar.h"
#include "transfer.h"

enum {
  HEADER_MAX = 1024 * 1024, // of an extended header or of a sparse map
  PATH_LIMIT = 16 * 1024,
};

// What the extended headers before a member say of it.
struct extended {
  bool has_size;
  bool has_uid;
  bool has_gid;
  bool has_mtime;
  bool sparse;
  uint64_t size;
  uint64_t uid;
  uint64_t gid;
  uint64_t real_size;
  struct timespec mtime;
};

static char *path_text;
static char *link_text;
static struct tar_xattr *xattrs;
static size_t xattr_count;
static struct tar_range *ranges;

static void forget(void);
static bool is_zero(const uint8_t *block);
static void check_sum(const uint8_t *block);
static void read_extended(const uint8_t *block, struct extended *extended);
static void read_record(struct extended *extended, char *key, const uint8_t *value, size_t length);
static void read_map(struct tar_entry *entry, uint64_t stored);
static uint64_t next_number(const uint8_t **at, const uint8_t *end);
static void set_text(char **text, const void *value, size_t length);
static void header_name(const uint8_t *block);
static uint64_t number(const uint8_t *field, size_t size);
static uint64_t decimal(const uint8_t *text, size_t length);
static struct timespec pax_time(const uint8_t *text, size_t length);
static _Noreturn void malformed(const char *problem);

bool tar_next(struct tar_entry *entry) {
  uint8_t block[TAR_BLOCK];
  struct extended extended = {0};
  forget();
  for (;;) {
    if (!archive_get(block, TAR_BLOCK)) {
      transfer_fail(EPROTO, "the archive ends early");
    }
    if (is_zero(block)) {
      // What follows the end is nobody's, but whoever writes it must not be cut off.
      size_t length;
      while (archive_take(UINT64_MAX, &length) != NULL) {
      }
      return false;
    }
    check_sum(block);
    if (strchr("xgLKV", block[156]) == NULL || block[156] == 0) {
      break;
    }
    read_extended(block, &extended);
  }
  memset(entry, 0, sizeof *entry);
  if (path_text == NULL) {
    header_name(block);
  }
  if (link_text == NULL) {
    set_text(&link_text, block + 157, strnlen((const char *)block + 157, 100));
  }
  char type = (char)block[156];
  entry->type = type == 0 || type == '7' ? '0' : type == 'D' ? '5' : type;
  if (entry->type < '0' || entry->type > '6') {
    malformed("a member of an unknown type");
  }
  size_t length = strlen(path_text);
  if (length == 0) {
    malformed("a member without a name");
  }
  if (path_text[length - 1] == '/' && entry->type == '0') {
    entry->type = '5';
  }
  entry->path = path_text;
  entry->link = link_text;
  entry->mode = (uint32_t)number(block + 100, 8) & 07777;
  entry->uid = (uint32_t)(extended.has_uid ? extended.uid : number(block + 108, 8));
  entry->gid = (uint32_t)(extended.has_gid ? extended.gid : number(block + 116, 8));
  entry->mtime = extended.has_mtime ? extended.mtime : (struct timespec){.tv_sec = (time_t)number(block + 136, 12)};
  entry->xattrs = xattrs;
  entry->xattr_count = xattr_count;
  uint64_t stored = extended.has_size ? extended.size : number(block + 124, 12);
  if (entry->type == '3' || entry->type == '4') {
    entry->major = (unsigned)number(block + 329, 8);
    entry->minor = (unsigned)number(block + 337, 8);
  }
  if (entry->type == '0') {
    entry->size = stored;
    if (extended.sparse) {
      entry->size = extended.real_size;
      read_map(entry, stored);
    }
  } else if (block[156] == 'D') {
    tar_skip(stored);
  }
  return true;
}

// Content and padding.
void tar_skip(uint64_t length) {
  uint64_t left = length + (TAR_BLOCK - length % TAR_BLOCK) % TAR_BLOCK;
  while (left > 0) {
    size_t part;
    if (archive_take(left, &part) == NULL) {
      transfer_fail(EPROTO, "the archive ends early");
    }
    left -= part;
  }
}

static void forget(void) {
  for (size_t i = 0; i < xattr_count; i++) {
    free(xattrs[i].name);
    free(xattrs[i].value);
  }
  free(xattrs);
  free(ranges);
  free(path_text);
  free(link_text);
  xattrs = NULL;
  xattr_count = 0;
  ranges = NULL;
  path_text = link_text = NULL;
}

static bool is_zero(const uint8_t *block) {
  for (size_t i = 0; i < TAR_BLOCK; i++) {
    if (block[i] != 0) {
      return false;
    }
  }
  return true;
}

static void check_sum(const uint8_t *block) {
  uint64_t sum = 8 * ' ';
  for (size_t i = 0; i < TAR_BLOCK; i++) {
    sum += i >= 148 && i < 156 ? 0 : block[i];
  }
  if (number(block + 148, 8) != sum) {
    malformed("a header with a wrong checksum");
  }
}

static void read_extended(const uint8_t *block, struct extended *extended) {
  uint64_t size = number(block + 124, 12);
  if (size > HEADER_MAX) {
    malformed("an extended header of more than 1 MiB");
  }
  size_t padded = (size_t)(size + (TAR_BLOCK - size % TAR_BLOCK) % TAR_BLOCK);
  uint8_t *data = transfer_memory(NULL, padded + 1);
  if (padded > 0 && !archive_get(data, padded)) {
    transfer_fail(EPROTO, "the archive ends early");
  }
  data[size] = 0;
  if (block[156] == 'L') {
    set_text(&path_text, data, strlen((char *)data));
  } else if (block[156] == 'K') {
    set_text(&link_text, data, strlen((char *)data));
  }
  for (size_t at = 0; block[156] == 'x' && at < size;) {
    // "LENGTH KEY=VALUE\n"
    size_t length = 0;
    size_t start = at;
    while (at < size && data[at] >= '0' && data[at] <= '9' && length <= HEADER_MAX) {
      length = length * 10 + (size_t)(data[at++] - '0');
    }
    uint8_t *equals = memchr(data + at, '=', size - at);
    if (length > size - start || length < at - start + 3 || data[at] != ' ' || data[start + length - 1] != '\n' ||
        equals == NULL || equals >= data + start + length - 1) {
      malformed("an extended header with a malformed record");
    }
    *equals = 0;
    read_record(extended, (char *)data + at + 1, equals + 1, (size_t)(data + start + length - 1 - (equals + 1)));
    at = start + length;
  }
  free(data);
}

static void read_record(struct extended *extended, char *key, const uint8_t *value, size_t length) {
  static const char prefix[] = "SCHILY.xattr.";
  if (strcmp(key, "path") == 0 || strcmp(key, "GNU.sparse.name") == 0) {
    set_text(&path_text, value, length);
  } else if (strcmp(key, "linkpath") == 0) {
    set_text(&link_text, value, length);
  } else if (strcmp(key, "size") == 0) {
    extended->size = decimal(value, length);
    extended->has_size = true;
  } else if (strcmp(key, "uid") == 0) {
    extended->uid = decimal(value, length);
    extended->has_uid = true;
  } else if (strcmp(key, "gid") == 0) {
    extended->gid = decimal(value, length);
    extended->has_gid = true;
  } else if (strcmp(key, "mtime") == 0) {
    extended->mtime = pax_time(value, length);
    extended->has_mtime = true;
  } else if (strcmp(key, "GNU.sparse.realsize") == 0) {
    extended->real_size = decimal(value, length);
    extended->sparse = true;
  } else if (strncmp(key, prefix, sizeof prefix - 1) == 0) {
    char *name = key + sizeof prefix - 1;
    struct bytes plain = {0};
    for (; *name != 0; name++) {
      if (strncmp(name, "%3D", 3) == 0 || strncmp(name, "%25", 3) == 0) {
        bytes_text(&plain, name[1] == '3' ? "=" : "%");
        name += 2;
      } else {
        bytes_add(&plain, name, 1);
      }
    }
    bytes_add(&plain, "", 1);
    xattrs = transfer_memory(xattrs, (xattr_count + 1) * sizeof *xattrs);
    struct tar_xattr *xattr = &xattrs[xattr_count];
    xattr->name = (char *)plain.at;
    xattr->value = transfer_memory(NULL, length + 1);
    memcpy(xattr->value, value, length);
    xattr->length = length;
    xattr_count++;
  }
}

// Decimal lines in front of the content, padded to a block: how many ranges, then offset and length of each.
static void read_map(struct tar_entry *entry, uint64_t stored) {
  struct bytes text = {0};
  uint64_t lines = 0;
  uint64_t wanted = 1;
  while (lines < wanted) {
    uint8_t block[TAR_BLOCK];
    if (text.length >= HEADER_MAX || text.length + TAR_BLOCK > stored) {
      malformed("a sparse map that is too long");
    }
    if (!archive_get(block, TAR_BLOCK)) {
      transfer_fail(EPROTO, "the archive ends early");
    }
    bytes_add(&text, block, TAR_BLOCK);
    for (size_t i = 0; i < TAR_BLOCK; i++) {
      lines += block[i] == '\n';
    }
    const uint8_t *start = text.at;
    wanted = 1 + 2 * next_number(&start, text.at + text.length);
    if (wanted > HEADER_MAX) {
      malformed("a sparse map that is too long");
    }
  }
  const uint8_t *at = text.at;
  const uint8_t *end = text.at + text.length;
  entry->range_count = (size_t)next_number(&at, end);
  ranges = transfer_memory(NULL, (entry->range_count + 1) * sizeof *ranges);
  uint64_t position = 0;
  uint64_t sum = 0;
  for (size_t i = 0; i < entry->range_count; i++) {
    ranges[i].offset = next_number(&at, end);
    ranges[i].length = next_number(&at, end);
    if (ranges[i].offset < position || ranges[i].offset > entry->size ||
        ranges[i].length > entry->size - ranges[i].offset) {
      malformed("a sparse map whose ranges overlap or lie outside of the file");
    }
    position = ranges[i].offset + ranges[i].length;
    sum += ranges[i].length;
  }
  if (sum != stored - text.length) {
    malformed("a sparse map that does not fit its content");
  }
  entry->ranges = ranges;
  free(text.at);
}

static uint64_t next_number(const uint8_t **at, const uint8_t *end) {
  const uint8_t *newline = memchr(*at, '\n', (size_t)(end - *at));
  if (newline == NULL) {
    malformed("a sparse map without line ends");
  }
  uint64_t value = decimal(*at, (size_t)(newline - *at));
  *at = newline + 1;
  return value;
}

static void set_text(char **text, const void *value, size_t length) {
  if (length > PATH_LIMIT || memchr(value, 0, length) != NULL) {
    malformed("a name that is too long, or has a NUL in it");
  }
  *text = transfer_memory(*text, length + 1);
  memcpy(*text, value, length);
  (*text)[length] = 0;
}

// The name at 0 may go on from a prefix at 345 (POSIX only).
static void header_name(const uint8_t *block) {
  char name[257];
  size_t prefix = memcmp(block + 257, "ustar\0", 6) == 0 ? strnlen((const char *)block + 345, 155) : 0;
  size_t rest = strnlen((const char *)block, 100);
  memcpy(name, block + 345, prefix);
  if (prefix > 0) {
    name[prefix++] = '/';
  }
  memcpy(name + prefix, block, rest);
  set_text(&path_text, name, prefix + rest);
}

// Octal digits between spaces, or, with the first bit set, GNU's big-endian binary.
static uint64_t number(const uint8_t *field, size_t size) {
  uint64_t value = 0;
  size_t at = 0;
  if (field[0] & 0x80) {
    for (size_t i = 1; i < size; i++) {
      if (value >> 55 != 0) {
        malformed("a number that is too large");
      }
      value = value << 8 | field[i];
    }
    return value;
  }
  while (at < size && field[at] == ' ') {
    at++;
  }
  for (; at < size && field[at] >= '0' && field[at] <= '7'; at++) {
    value = value * 8 + (uint64_t)(field[at] - '0');
  }
  if (at < size && field[at] != ' ' && field[at] != 0) {
    malformed("a number that is not octal");
  }
  return value;
}

// Up to 2^53, which is what the host's side takes, too.
static uint64_t decimal(const uint8_t *text, size_t length) {
  uint64_t value = 0;
  if (length == 0 || length > 16) {
    malformed("a number that is empty or too large");
  }
  for (size_t i = 0; i < length; i++) {
    if (text[i] < '0' || text[i] > '9') {
      malformed("a number that is not decimal");
    }
    value = value * 10 + (uint64_t)(text[i] - '0');
  }
  return value;
}

static struct timespec pax_time(const uint8_t *text, size_t length) {
  bool negative = length > 0 && text[0] == '-';
  if (negative) {
    text++;
    length--;
  }
  const uint8_t *dot = memchr(text, '.', length);
  size_t whole = dot == NULL ? length : (size_t)(dot - text);
  struct timespec time = {.tv_sec = (time_t)decimal(text, whole)};
  long digit = 100000000;
  for (size_t i = whole + 1; i < length && digit > 0; i++, digit /= 10) {
    time.tv_nsec += decimal(text + i, 1) * (unsigned long)digit;
  }
  if (negative) {
    time.tv_sec = -time.tv_sec - (time.tv_nsec > 0 ? 1 : 0);
    time.tv_nsec = time.tv_nsec > 0 ? 1000000000 - time.tv_nsec : 0;
  }
  return time;
}

static _Noreturn void malformed(const char *problem) { transfer_fail(EPROTO, "the archive is not valid: %s", problem); }
