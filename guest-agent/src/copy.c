#include "copy.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accounts.h"
#include "fields.h"
#include "pack.h"
#include "protocol.h"
#include "transfer.h"
#include "unpack.h"

enum { REPORT_FD = 3, SOURCES_MAX = 256 };

static void begin(bool tty);
static void read_path(const uint8_t *payload, size_t length, char *path);
static bool read_owner(const uint8_t *payload, size_t length, struct unpack_request *request);
static char *text_of(const struct field *field);
static int digit(char letter);

_Noreturn void pack_operation(const uint8_t *payload, size_t length, bool tty) {
  struct pack_source source = {.name = "."};
  char path[PATH_MAX];
  uint32_t flags = 0;
  struct field field;
  begin(tty);
  field_u32(payload, length, COPY_FLAGS, &flags);
  read_path(payload, length, path);
  source.path = path;
  if (field_find(payload, length, COPY_NAME, &field)) {
    source.name = text_of(&field);
  }
  pack(&source, 1, (flags & COPY_NO_FOLLOW) == 0);
}

_Noreturn void unpack_operation(const uint8_t *payload, size_t length, bool tty) {
  char path[PATH_MAX];
  uint32_t flags = 0;
  struct unpack_request request = {.path = path};
  begin(tty);
  read_path(payload, length, path);
  field_u32(payload, length, COPY_FLAGS, &flags);
  request.directory = (flags & COPY_INTO_DIRECTORY) != 0;
  request.keep_owners = !read_owner(payload, length, &request) && (flags & COPY_KEEP_OWNERS) != 0;
  unpack(&request);
}

_Noreturn void store_operation(const uint8_t *payload, size_t length, bool tty) {
  char path[PATH_MAX];
  uint32_t mode = 0;
  struct unpack_request request = {.path = path};
  begin(tty);
  read_path(payload, length, path);
  bool has_mode = field_u32(payload, length, COPY_MODE, &mode);
  bool has_owner = read_owner(payload, length, &request);
  store(&request, has_owner, has_mode, (mode_t)mode);
}

bool copy_helper(int argc, char **argv) {
  bool packs = argc >= 5 && argc % 2 == 1 && strcmp(argv[1], "--pack") == 0;
  bool unpacks = argc == 4 && strcmp(argv[1], "--unpack") == 0;
  if (!packs && !unpacks) {
    return false;
  }
  uint32_t flags = (uint32_t)strtoul(argv[2], NULL, 10);
  for (int i = 3; i < argc; i++) {
    argv[i] = from_hex(argv[i]);
    if (argv[i] == NULL) {
      return false;
    }
  }
  transfer_begin(-1);
  if (unpacks) {
    struct unpack_request request = {.path = argv[3], .guarded = true};
    request.directory = (flags & COPY_INTO_DIRECTORY) != 0;
    unpack(&request);
  }
  size_t count = ((size_t)argc - 3) / 2;
  struct pack_source *sources = transfer_memory(NULL, count * sizeof *sources);
  for (size_t i = 0; i < count; i++) {
    sources[i] = (struct pack_source){argv[3 + 2 * i], argv[4 + 2 * i]};
  }
  pack(sources, count, (flags & COPY_NO_FOLLOW) == 0);
}

static void begin(bool tty) {
  transfer_begin(REPORT_FD);
  if (tty) {
    transfer_fail(EINVAL, "a copy has no terminal");
  }
}

static void read_path(const uint8_t *payload, size_t length, char *path) {
  if (!field_text(payload, length, COPY_PATH, path, PATH_MAX) || path[0] != '/') {
    transfer_fail(EINVAL, "the path is missing, not absolute, too long, or has a NUL in it");
  }
}

static bool read_owner(const uint8_t *payload, size_t length, struct unpack_request *request) {
  static struct account account;
  char owner[256];
  char problem[300];
  struct field field;
  if (!field_find(payload, length, COPY_OWNER, &field)) {
    return false;
  }
  if (!field_text(payload, length, COPY_OWNER, owner, sizeof owner)) {
    transfer_fail(EINVAL, "an owner with a NUL, or too long");
  }
  if (!account_find(owner, &account, problem, sizeof problem)) {
    transfer_fail(ESRCH, "%.200s", problem);
  }
  request->uid = account.uid;
  request->gid = account.gid;
  return true;
}

static char *text_of(const struct field *field) {
  if (field->length == 0 || memchr(field->value, 0, field->length) != NULL) {
    transfer_fail(EINVAL, "a name that is empty, or has a NUL in it");
  }
  char *text = transfer_memory(NULL, field->length + 1);
  memcpy(text, field->value, field->length);
  text[field->length] = 0;
  return text;
}

char *from_hex(const char *hex) {
  size_t length = strlen(hex) / 2;
  char *text = malloc(length + 1);
  for (size_t i = 0; text != NULL && i < length; i++) {
    int high = digit(hex[2 * i]);
    int low = digit(hex[2 * i + 1]);
    if (high < 0 || low < 0 || high + low == 0) {
      free(text);
      return NULL;
    }
    text[i] = (char)(high * 16 + low);
  }
  if (text == NULL || length == 0) {
    free(text);
    return NULL;
  }
  text[length] = 0;
  return text;
}

static int digit(char letter) {
  static const char digits[] = "0123456789abcdef";
  const char *at = letter == 0 ? NULL : strchr(digits, letter);
  return at == NULL ? -1 : (int)(at - digits);
}
