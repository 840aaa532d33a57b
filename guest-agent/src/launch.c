#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "accounts.h"
#include "agent.h"
#include "environment.h"
#include "fields.h"
#include "process.h"
#include "protocol.h"
#include "worker.h"

extern char **environ;

static const char *const default_shell = "/bin/sh";

static char **arguments(const uint8_t *payload, size_t length, size_t *count);
static void take_channels(const struct account *account, bool tty);
static void become(const struct account *account);
static void enter(const char *directory, const char *home);
static void run_login(const struct account *account, char **args, size_t count);
static void run(char **args);
static int try(const char *path, char **args);
static _Noreturn void give_up(const char *step, int error, const char *what, const char *name);

void launch(const uint8_t *payload, size_t length, bool tty) {
  char user[256] = "root";
  char directory[4096] = "";
  uint32_t login = 0;
  size_t count;
  struct field field;
  char **args = arguments(payload, length, &count);
  field_u32(payload, length, EXEC_LOGIN, &login);
  if (count == 0 && login == 0) {
    give_up("exec", EINVAL, "no command", "");
  }
  if (field_find(payload, length, EXEC_USER, &field) &&
      !field_text(payload, length, EXEC_USER, user, sizeof user)) {
    give_up("user", EINVAL, "a user name with a NUL, or too long", "");
  }
  if (field_find(payload, length, EXEC_CWD, &field) &&
      !field_text(payload, length, EXEC_CWD, directory, sizeof directory)) {
    give_up("cwd", EINVAL, "a directory with a NUL, or too long", "");
  }

  struct account account;
  char problem[300];
  if (!account_find(user, &account, problem, sizeof problem)) {
    give_up("user", ESRCH, problem, "");
  }
  environ = environment_make(&account, payload, length, tty);
  setsid();
  take_channels(&account, tty);
  become(&account);
  enter(directory, account.home);
  if (login != 0) {
    run_login(&account, args, count);
  }
  run(args);
  abort();
}

// NULL-terminated, with a free place before the first.
static char **arguments(const uint8_t *payload, size_t length, size_t *count) {
  struct field_reader reader = fields_read(payload, length);
  struct field field;
  char **args = calloc(length / 8 + 3, sizeof *args);
  if (args == NULL) {
    give_up("exec", ENOMEM, "arguments", "");
  }
  args++;
  *count = 0;
  while (field_next(&reader, &field)) {
    if (field.tag != EXEC_ARG) {
      continue;
    }
    if (memchr(field.value, 0, field.length) != NULL) {
      give_up("exec", EINVAL, "an argument with a NUL", "");
    }
    args[*count] = strndup((const char *)field.value, field.length);
    if (args[*count] == NULL) {
      give_up("exec", ENOMEM, "arguments", "");
    }
    (*count)++;
  }
  return args;
}

// A pipe or terminal that root made cannot be opened again by the user, as /dev/stdout or /dev/tty would.
static void take_channels(const struct account *account, bool tty) {
  if (tty) {
    ioctl(0, TIOCSCTTY, 0);
    if (fchown(0, account->uid, account->tty_gid) == 0) {
      fchmod(0, 0620);
    }
    return;
  }
  for (int fd = 0; fd < 3; fd++) {
    if (fchown(fd, account->uid, account->gid) != 0) {
      return;
    }
  }
}

static void become(const struct account *account) {
  if (agent.in_guest) {
    oom_score("0");
  }
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    // What a login has: programs that use select() break above it, others raise it themselves.
    files.rlim_cur = files.rlim_max < 1024 ? files.rlim_max : 1024;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  umask(022);
  if (geteuid() != 0 && account->uid == geteuid() && account->gid == getegid()) {
    return;
  }
  if (setgroups(account->group_count, account->groups) != 0 || setresgid(account->gid, account->gid, account->gid) != 0 ||
      setresuid(account->uid, account->uid, account->uid) != 0) {
    give_up("user", errno, strerror(errno), account->name);
  }
}

static void enter(const char *directory, const char *home) {
  if (directory[0] != 0) {
    if (chdir(directory) != 0) {
      give_up("cwd", errno, strerror(errno), directory);
    }
  } else if (chdir(home) != 0 && chdir("/") != 0) {
    give_up("cwd", errno, strerror(errno), "/");
  }
}

// The arguments follow the shell, whose own name begins with a dash.
static void run_login(const struct account *account, char **args, size_t count) {
  const char *shell = account->shell;
  char name[256] = "-";
  if (access(shell, X_OK) != 0) {
    shell = default_shell;
  }
  const char *slash = strrchr(shell, '/');
  strncat(name, slash == NULL ? shell : slash + 1, sizeof name - 2);
  args[-1] = name;
  args[count] = NULL;
  execv(shell, args - 1);
  give_up("exec", errno, strerror(errno), shell);
}

static void run(char **args) {
  const char *program = args[0];
  if (program[0] == 0) {
    give_up("exec", ENOENT, "an empty program name", "");
  }
  if (strchr(program, '/') != NULL) {
    give_up("exec", try(program, args), NULL, program);
  }
  const char *path = getenv("PATH");
  int error = ENOENT;
  while (path != NULL) {
    char file[8192];
    size_t part = strcspn(path, ":");
    if (part + 1 + strlen(program) + 1 <= sizeof file) {
      memcpy(file, path, part);
      file[part] = 0;
      if (part > 0) {
        strcat(file, "/");
      }
      strcat(file, program);
      int cause = try(file, args);
      if (cause != ENOENT && cause != ENOTDIR && cause != EACCES) {
        give_up("exec", cause, NULL, file);
      }
      // Found and not executable weighs more than not found.
      error = cause == EACCES ? cause : error;
    }
    path = path[part] == 0 ? NULL : path + part + 1;
  }
  give_up("exec", error, NULL, program);
}

// A script without an interpreter line is the shell's, as everywhere.
static int try(const char *path, char **args) {
  execv(path, args);
  if (errno == ENOEXEC) {
    char *program = args[0];
    args[-1] = (char *)default_shell;
    args[0] = (char *)path;
    execv(default_shell, args - 1);
    args[0] = program;
  }
  return errno;
}

static _Noreturn void give_up(const char *step, int error, const char *what, const char *name) {
  uint8_t bytes[64];
  struct outcome outcome = {.fields = {.bytes = bytes, .capacity = sizeof bytes}};
  put_text(&outcome.fields, EXEC_STEP, step);
  what = what == NULL ? strerror(error) : what;
  outcome_fail(&outcome, error, "%s: %.150s%s%s", step, name, name[0] == 0 ? "" : ": ", what);
  child_report(&outcome);
  _exit(127);
}
