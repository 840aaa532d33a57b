#include "boot.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent.h"
#include "channel.h"
#include "fields.h"
#include "init.h"
#include "inroot.h"
#include "loop.h"
#include "process.h"
#include "protocol.h"
#include "session.h"
#include "systemd.h"

extern char **environ;

static bool init_usable(const char *init, int *error, bool *systemd);
static int switch_root(void);
static void make_links(void);
static void delete_all(int directory, dev_t device);
static char **init_arguments(const char *init, const uint8_t *payload, size_t length);
static _Noreturn void become_init(const char *init, char **args, pid_t server, int failure);
static void serve_on(uint32_t id, const char *init, int initramfs, int failure);

void boot(uint32_t id, const uint8_t *payload, size_t length) {
  char init[PATH_MAX] = "";
  char message[PATH_MAX + 100];
  int error = 0;
  bool systemd = false;
  struct field field;
  if (field_find(payload, length, BOOT_INIT, &field) &&
      (!field_text(payload, length, BOOT_INIT, init, sizeof init) || init[0] != '/')) {
    send_result(id, EINVAL, "init: not an absolute path");
    return;
  }
  if (init[0] != 0 && !init_usable(init, &error, &systemd)) {
    snprintf(message, sizeof message, "init: %.200s: %s", init, strerror(error));
    send_result(id, error, message);
    return;
  }
  char **args = init_arguments(init, payload, length);
  int initramfs = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int failure[2];
  if (args == NULL || initramfs < 0 || pipe2(failure, O_CLOEXEC) != 0) {
    send_result(id, errno, "boot: no memory or descriptors");
    return;
  }
  error = switch_root();
  if (error != 0) {
    snprintf(message, sizeof message, "root: %s", strerror(error));
    send_result(id, error, message);
    return;
  }
  if (systemd) {
    systemd_prepare();
  }
  agent.own_init = init[0] == 0;
  pid_t pid = fork();
  if (pid < 0) {
    send_result(id, errno, "boot: fork");
    return;
  }
  if (pid > 0) {
    become_init(init, args, pid, failure[1]);
  }
  close(failure[1]);
  serve_on(id, init, initramfs, failure[0]);
}

static bool init_usable(const char *init, int *error, bool *systemd) {
  struct stat status;
  int fd = root_open(init, O_PATH);
  if (fd < 0) {
    *error = -fd;
    return false;
  }
  bool usable = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && (status.st_mode & 0111) != 0;
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  *systemd = systemd_is(link);
  *error = EACCES;
  close(fd);
  return usable;
}

// Returns an errno.
static int switch_root(void) {
  static const char *const moved[] = {"dev", "proc", "sys", "run"};
  char from[32];
  char to[64];
  for (size_t i = 0; i < sizeof moved / sizeof *moved; i++) {
    snprintf(from, sizeof from, "/%s", moved[i]);
    snprintf(to, sizeof to, NEW_ROOT "/%s", moved[i]);
    if ((mkdir(to, 0755) != 0 && errno != EEXIST) || mount(from, to, NULL, MS_MOVE, NULL) != 0) {
      return errno;
    }
  }
  if (chdir(NEW_ROOT) != 0 || mount(".", "/", NULL, MS_MOVE, NULL) != 0 || chroot(".") != 0 || chdir("/") != 0) {
    return errno;
  }
  agent.root = "/";
  make_links();
  return 0;
}

// What programs expect below /dev from the first moment, before any init has made it.
static void make_links(void) {
  mkdir("/dev/pts", 0755);
  mount("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "gid=5,mode=620,ptmxmode=666");
  mkdir("/dev/shm", 01777);
  mount("tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777");
  static const char *const links[][2] = {
      {"/proc/self/fd", "/dev/fd"},
      {"/proc/self/fd/0", "/dev/stdin"},
      {"/proc/self/fd/1", "/dev/stdout"},
      {"/proc/self/fd/2", "/dev/stderr"},
  };
  for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
    if (symlink(links[i][0], links[i][1]) != 0 && errno != EEXIST) {
      send_log("link %s: %s", links[i][1], strerror(errno));
    }
  }
}

static char **init_arguments(const char *init, const uint8_t *payload, size_t length) {
  struct field_reader reader = fields_read(payload, length);
  struct field field;
  size_t count = 0;
  char **args = calloc(length / 8 + 2, sizeof *args);
  if (args == NULL) {
    return NULL;
  }
  args[count++] = (char *)init;
  while (field_next(&reader, &field)) {
    if (field.tag == BOOT_ARG) {
      args[count++] = strndup((const char *)field.value, field.length);
    }
  }
  return args;
}

static _Noreturn void become_init(const char *init, char **args, pid_t server, int failure) {
  if (init[0] != 0) {
    signals_default();
    oom_score("0");
    execve(init, args, environ);
    int error = errno;
    // The machine lives on without it, so that the host can look at what is wrong.
    if (write(failure, &error, sizeof error) < 0) {
      send_log("init: %s", strerror(error));
    }
  }
  close(failure);
  channel_close();
  init_run(server);
}

static void serve_on(uint32_t id, const char *init, int initramfs, int failure) {
  loop_restart();
  channel_restart();
  setsid();
  process_spare();
  agent.phase = PHASE_BOOTED;
  int error = 0;
  // Ends when init has been executed.
  ssize_t count = read(failure, &error, sizeof error);
  close(failure);
  if (count == sizeof error) {
    char message[PATH_MAX + 100];
    agent.own_init = true;
    snprintf(message, sizeof message, "init: %.200s: %s", init, strerror(error));
    send_result(id, error, message);
  } else {
    send_result(id, 0, NULL);
  }
  channel_flush();
  // The initramfs is memory, and nobody sees it any more.
  struct stat status;
  if (fstat(initramfs, &status) == 0) {
    delete_all(initramfs, status.st_dev);
  }
}

// Takes the descriptor.
static void delete_all(int directory, dev_t device) {
  DIR *entries = fdopendir(directory);
  struct dirent *entry;
  while (entries != NULL && (entry = readdir(entries)) != NULL) {
    struct stat status;
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
        fstatat(directory, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0 || status.st_dev != device) {
      continue;
    }
    if (S_ISDIR(status.st_mode)) {
      int inside = openat(directory, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
      if (inside >= 0) {
        delete_all(inside, device);
      }
      unlinkat(directory, entry->d_name, AT_REMOVEDIR);
    } else {
      unlinkat(directory, entry->d_name, 0);
    }
  }
  if (entries != NULL) {
    closedir(entries);
  }
}
