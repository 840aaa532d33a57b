#include "accounts.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent.h"
#include "inroot.h"

static bool find_user(const char *user, struct account *account);
static void collect_groups(struct account *account);
static bool find_group(const char *group, gid_t *gid);
static bool number(const char *text, uint32_t *value);
static bool split(char *line, char **parts, size_t count);
static void copy(char *target, size_t size, const char *source);

bool account_find(const char *specification, struct account *account, char *problem, size_t size) {
  char user[256];
  copy(user, sizeof user, specification);
  char *colon = strchr(user, ':');
  if (colon != NULL) {
    *colon = 0;
  }
  memset(account, 0, sizeof *account);
  if (!find_user(user, account)) {
    snprintf(problem, size, "no user named %s", user);
    return false;
  }
  if (!find_group("tty", &account->tty_gid)) {
    account->tty_gid = account->gid;
  }
  if (colon != NULL && !find_group(colon + 1, &account->gid) && !number(colon + 1, &account->gid)) {
    snprintf(problem, size, "no group named %s", colon + 1);
    return false;
  }
  collect_groups(account);
  return true;
}

static bool find_user(const char *user, struct account *account) {
  uint32_t uid;
  bool numeric = number(user, &uid);
  bool found = false;
  char *line = NULL;
  size_t room = 0;
  // name:password:uid:gid:comment:home:shell
  FILE *file = root_fopen("/etc/passwd");
  while (file != NULL && getline(&line, &room, file) > 0) {
    char *part[7];
    uint32_t entry;
    if (!split(line, part, 7) || !number(part[2], &entry) || !number(part[3], &account->gid)) {
      continue;
    }
    // A name is looked for first; nobody is called 1000, but nothing forbids it.
    if (strcmp(part[0], user) == 0 || (numeric && !found && entry == uid)) {
      copy(account->name, sizeof account->name, part[0]);
      account->uid = entry;
      account->groups[0] = account->gid;
      copy(account->home, sizeof account->home, part[5]);
      copy(account->shell, sizeof account->shell, part[6]);
      found = true;
      if (strcmp(part[0], user) == 0) {
        break;
      }
    }
  }
  free(line);
  if (file != NULL) {
    fclose(file);
  }
  if (found) {
    account->gid = account->groups[0];
  } else if (numeric || strcmp(user, "root") == 0) {
    copy(account->name, sizeof account->name, user);
    account->uid = numeric ? uid : 0;
    account->gid = 0;
    found = true;
  }
  if (account->home[0] == 0) {
    copy(account->home, sizeof account->home, account->uid == 0 ? "/root" : "/");
  }
  if (account->shell[0] == 0) {
    copy(account->shell, sizeof account->shell, "/bin/sh");
  }
  return found;
}

static void collect_groups(struct account *account) {
  char *line = NULL;
  size_t room = 0;
  account->groups[0] = account->gid;
  account->group_count = 1;
  // name:password:gid:member,member
  FILE *file = root_fopen("/etc/group");
  while (file != NULL && getline(&line, &room, file) > 0) {
    char *part[4];
    gid_t gid;
    if (!split(line, part, 4) || !number(part[2], &gid) || gid == account->gid) {
      continue;
    }
    char *rest = part[3];
    char *member;
    while ((member = strsep(&rest, ",")) != NULL) {
      if (strcmp(member, account->name) == 0 && account->group_count < GROUPS) {
        account->groups[account->group_count++] = gid;
        break;
      }
    }
  }
  free(line);
  if (file != NULL) {
    fclose(file);
  }
}

static bool find_group(const char *group, gid_t *gid) {
  char *line = NULL;
  size_t room = 0;
  bool found = false;
  FILE *file = root_fopen("/etc/group");
  while (!found && file != NULL && getline(&line, &room, file) > 0) {
    char *part[4];
    gid_t entry;
    if (split(line, part, 4) && strcmp(part[0], group) == 0 && number(part[2], &entry)) {
      *gid = entry;
      found = true;
    }
  }
  free(line);
  if (file != NULL) {
    fclose(file);
  }
  return found;
}

// -1 is no id: to setresuid it means "leave it as it is".
static bool number(const char *text, uint32_t *value) {
  char *end;
  if (text[0] < '0' || text[0] > '9') {
    return false;
  }
  unsigned long long parsed = strtoull(text, &end, 10);
  if (*end != 0 || parsed >= UINT32_MAX) {
    return false;
  }
  *value = (uint32_t)parsed;
  return true;
}

static bool split(char *line, char **parts, size_t count) {
  line[strcspn(line, "\n")] = 0;
  for (size_t i = 0; i < count; i++) {
    parts[i] = strsep(&line, ":");
    if (parts[i] == NULL) {
      return false;
    }
  }
  return true;
}

static void copy(char *target, size_t size, const char *source) { snprintf(target, size, "%s", source); }
