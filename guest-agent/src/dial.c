#include "dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fields.h"
#include "input.h"
#include "output.h"
#include "session.h"

struct target {
  union {
    struct sockaddr any;
    struct sockaddr_in inet;
    struct sockaddr_in6 inet6;
    struct sockaddr_un local;
  };
  socklen_t size;
};

static bool read_target(const uint8_t *payload, size_t length, struct target *target, uint16_t *port_of_both);
static struct target loopback6(uint16_t port);
static int begin(struct stream *stream, const struct target *target);
static void connected(struct source *source, uint32_t events);
static bool is_connected(int fd, int *error);

void dial_start(uint32_t id, const uint8_t *payload, size_t length) {
  struct target target = {0};
  uint16_t port_of_both = 0;
  if (!read_target(payload, length, &target, &port_of_both)) {
    send_result(id, EINVAL, "no address to dial");
    return;
  }
  struct stream *stream = stream_create(id, STREAM_SOCKET, OP_DIAL, 0, -1);
  stream->second_port = port_of_both;
  int error = begin(stream, &target);
  if (error != 0) {
    stream_refuse(stream, -error, NULL);
  }
}

void socket_attach(struct stream *stream, int fd) {
  int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  int output = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (output < 0) {
    stream_refuse(stream, errno, "no descriptor is left");
    return;
  }
  send_result(stream->id, 0, NULL);
  stream->started = true;
  output_start(&stream->outputs[0], output);
  input_resume(stream);
}

void socket_break(struct stream *stream) {
  struct linger none = {.l_onoff = 1, .l_linger = 0};
  int fd = stream->outputs[0].source.fd >= 0 ? stream->outputs[0].source.fd : stream->input.source.fd;
  if (fd >= 0) {
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
  }
}

// Without an address it is the guest's loopback, 127.0.0.1 and then ::1.
static bool read_target(const uint8_t *payload, size_t length, struct target *target, uint16_t *port_of_both) {
  char text[sizeof target->local.sun_path];
  uint32_t port = 0;
  if (field_text(payload, length, DIAL_PATH, text, sizeof text) && text[0] == '/') {
    target->local.sun_family = AF_UNIX;
    memcpy(target->local.sun_path, text, strlen(text) + 1);
    target->size = sizeof target->local;
    return true;
  }
  if (!field_u32(payload, length, DIAL_PORT, &port) || port < 1 || port > 65535) {
    return false;
  }
  struct field address;
  if (!field_find(payload, length, DIAL_ADDRESS, &address)) {
    *port_of_both = (uint16_t)port;
    memcpy(text, "127.0.0.1", sizeof "127.0.0.1");
  } else if (!field_text(payload, length, DIAL_ADDRESS, text, sizeof text)) {
    return false;
  }
  if (inet_pton(AF_INET, text, &target->inet.sin_addr) == 1) {
    target->inet.sin_family = AF_INET;
    target->inet.sin_port = htons((uint16_t)port);
    target->size = sizeof target->inet;
    return true;
  }
  target->inet6.sin6_family = AF_INET6;
  target->inet6.sin6_port = htons((uint16_t)port);
  target->size = sizeof target->inet6;
  return inet_pton(AF_INET6, text, &target->inet6.sin6_addr) == 1;
}

static struct target loopback6(uint16_t port) {
  return (struct target){
      .inet6 = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_LOOPBACK_INIT},
      .size = sizeof(struct sockaddr_in6),
  };
}

// Returns 0 when the connection is made or on its way, or -errno.
static int begin(struct stream *stream, const struct target *target) {
  int fd = socket(target->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) {
    return -errno;
  }
  if (connect(fd, &target->any, target->size) != 0 && errno != EINPROGRESS) {
    int error = errno;
    close(fd);
    return -error;
  }
  // What the host sends meanwhile waits in the input.
  int error = source_open(&stream->input.source, fd, connected, EPOLLOUT);
  if (error == 0) {
    // On loopback it is decided already.
    connected(&stream->input.source, 0);
  }
  return error;
}

static void connected(struct source *source, uint32_t events) {
  struct stream *stream = (struct stream *)((char *)source - offsetof(struct stream, input.source));
  int error = 0;
  (void)events;
  if (is_connected(source->fd, &error)) {
    socket_attach(stream, source->fd);
    return;
  }
  if (error == 0) {
    return;
  }
  source_close(source);
  if (error == ECONNREFUSED && stream->second_port != 0) {
    struct target second = loopback6(stream->second_port);
    stream->second_port = 0;
    if (begin(stream, &second) == 0) {
      return;
    }
  }
  stream_refuse(stream, error, NULL);
}

// False with error 0: not decided yet.
static bool is_connected(int fd, int *error) {
  socklen_t size = sizeof *error;
  struct sockaddr_storage peer;
  socklen_t peer_size = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, error, &size) != 0) {
    *error = errno;
  }
  return *error == 0 && getpeername(fd, (struct sockaddr *)&peer, &peer_size) == 0;
}
