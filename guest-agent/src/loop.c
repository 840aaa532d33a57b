#include "loop.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "agent.h"
#include "reaper.h"

enum { EVENTS = 64 };

static int poller = -1;
static struct source signals = {.fd = -1};

static void signal_ready(struct source *source, uint32_t events);

void loop_start(void) {
  poller = epoll_create1(EPOLL_CLOEXEC);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGHUP);
  sigprocmask(SIG_SETMASK, &set, NULL);
  signal(SIGPIPE, SIG_IGN);
  source_open(&signals, signalfd(-1, &set, SFD_CLOEXEC), signal_ready, EPOLLIN);
}

void loop_restart(void) {
  close(poller);
  source_close(&signals);
  loop_start();
}

int source_open(struct source *source, int fd, void (*ready)(struct source *source, uint32_t events),
                uint32_t events) {
  struct epoll_event event = {.events = events | EPOLLET, .data.ptr = source};
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) != 0) {
    int error = errno;
    close(fd);
    return -error;
  }
  source->fd = fd;
  source->ready = ready;
  return 0;
}

void source_close(struct source *source) {
  if (source->fd < 0) {
    return;
  }
  // close() alone would not do: a child that was forked and has not executed yet keeps the file, hence the entry.
  epoll_ctl(poller, EPOLL_CTL_DEL, source->fd, NULL);
  close(source->fd);
  source->fd = -1;
}

void loop_wait(uint64_t deadline) {
  struct epoll_event events[EVENTS];
  int timeout = -1;
  if (deadline != NO_DEADLINE) {
    uint64_t time = now();
    uint64_t left = deadline > time ? (deadline - time + 999999) / 1000000 : 0;
    timeout = left > 60000 ? 60000 : (int)left;
  }
  int count = epoll_wait(poller, events, EVENTS, timeout);
  for (int i = 0; i < count; i++) {
    struct source *source = events[i].data.ptr;
    if (source->fd >= 0) {
      source->ready(source, events[i].events);
    }
  }
}

uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_BOOTTIME, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void signal_ready(struct source *source, uint32_t events) {
  (void)events;
  struct signalfd_siginfo info;
  while (read(source->fd, &info, sizeof info) == sizeof info) {
    // In the guest, an init that signals everything on its way down must not end the agent.
    if (info.ssi_signo != SIGCHLD && !agent.in_guest) {
      agent.stopping = true;
    }
  }
  reaper_collect();
}
