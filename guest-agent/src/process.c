#include "process.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

enum { DESCRIPTORS = 524288 };

static char *own_name;

void descriptors_fill(const char *path) {
  int fd = open(path, O_RDWR | O_NOCTTY);
  if (fd < 0) {
    fd = open("/dev/null", O_RDWR);
  }
  while (fd >= 0 && fd < 2) {
    fd = dup(fd);
  }
  if (fd > 2) {
    close(fd);
  }
}

void descriptors_raise(void) {
  struct rlimit limit = {.rlim_cur = DESCRIPTORS, .rlim_max = DESCRIPTORS};
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0 && getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
}

void signals_default(void) {
  sigset_t none;
  sigemptyset(&none);
  for (int number = 1; number < NSIG; number++) {
    signal(number, SIG_DFL);
  }
  sigprocmask(SIG_SETMASK, &none, NULL);
}

void oom_score(const char *score) {
  int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (fd >= 0) {
    // Without it the kernel merely chooses its victims less well.
    ssize_t ignored = write(fd, score, strlen(score));
    (void)ignored;
    close(fd);
  }
}

void process_name(char *argv0) {
  own_name = argv0;
  prctl(PR_SET_NAME, "banger-agent");
}

void process_spare(void) { own_name[0] = '@'; }
