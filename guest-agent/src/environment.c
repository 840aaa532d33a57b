#include "environment.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fields.h"
#include "inroot.h"
#include "protocol.h"
#include "terminal_type.h"

struct environment {
  char **entries; // NULL-terminated
  size_t count;
};

static void set(struct environment *environment, const char *name, const char *value);
static void set_entry(struct environment *environment, char *entry);
static void read_settings(struct environment *environment, const char *path);
static void set_terminal(struct environment *environment);
static char *setting(char *line);

char **environment_make(const struct account *account, const uint8_t *payload, size_t length, bool tty) {
  struct environment environment = {.entries = calloc(1, sizeof(char *))};
  set(&environment, "HOME", account->home);
  set(&environment, "USER", account->name);
  set(&environment, "LOGNAME", account->name);
  set(&environment, "SHELL", account->shell);
  set(&environment, "PATH",
      account->uid == 0 ? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
                        : "/usr/local/bin:/usr/bin:/bin");
  if (tty) {
    set(&environment, "TERM", "xterm");
  }
  read_settings(&environment, "/etc/environment");
  read_settings(&environment, "/etc/default/locale");
  struct field_reader reader = fields_read(payload, length);
  struct field field;
  while (field_next(&reader, &field)) {
    const uint8_t *equals = memchr(field.value, '=', field.length);
    if (field.tag == EXEC_ENV && equals != NULL && equals != field.value &&
        memchr(field.value, 0, field.length) == NULL) {
      set_entry(&environment, strndup((const char *)field.value, field.length));
    }
  }
  if (tty) {
    set_terminal(&environment);
  }
  return environment.entries;
}

static void set(struct environment *environment, const char *name, const char *value) {
  char *entry = NULL;
  if (asprintf(&entry, "%s=%s", name, value) > 0) {
    set_entry(environment, entry);
  }
}

static void set_entry(struct environment *environment, char *entry) {
  if (entry == NULL || environment->entries == NULL) {
    return;
  }
  size_t name = (size_t)(strchr(entry, '=') - entry) + 1;
  for (size_t i = 0; i < environment->count; i++) {
    if (strncmp(environment->entries[i], entry, name) == 0) {
      environment->entries[i] = entry;
      return;
    }
  }
  char **grown = realloc(environment->entries, (environment->count + 2) * sizeof *grown);
  if (grown != NULL) {
    grown[environment->count++] = entry;
    grown[environment->count] = NULL;
    environment->entries = grown;
  }
}

// A type that the machine knows nothing of would leave programs without keys and colours.
static void set_terminal(struct environment *environment) {
  for (size_t i = 0; i < environment->count; i++) {
    if (strncmp(environment->entries[i], "TERM=", 5) == 0) {
      set(environment, "TERM", terminal_type(environment->entries[i] + 5));
      return;
    }
  }
}

static void read_settings(struct environment *environment, const char *path) {
  char *line = NULL;
  size_t room = 0;
  FILE *file = root_fopen(path);
  while (file != NULL && getline(&line, &room, file) > 0) {
    char *entry = setting(line);
    if (entry != NULL) {
      set_entry(environment, strdup(entry));
    }
  }
  free(line);
  if (file != NULL) {
    fclose(file);
  }
}

// `NAME=value`, as pam_env reads it: perhaps after `export`, perhaps in quotes. Returns NULL for anything else.
static char *setting(char *line) {
  line[strcspn(line, "\n")] = 0;
  line += strspn(line, " \t");
  if (strncmp(line, "export ", 7) == 0) {
    line += 7 + strspn(line + 7, " \t");
  }
  size_t name = 0;
  while (isalnum((unsigned char)line[name]) || line[name] == '_') {
    name++;
  }
  if (name == 0 || line[name] != '=' || isdigit((unsigned char)line[0])) {
    return NULL;
  }
  char *value = line + name + 1;
  size_t length = strlen(value);
  while (length > 0 && isspace((unsigned char)value[length - 1])) {
    value[--length] = 0;
  }
  if (length >= 2 && (value[0] == '"' || value[0] == '\'') && value[length - 1] == value[0]) {
    value[length - 1] = 0;
    memmove(value, value + 1, length - 1);
  }
  return line;
}
