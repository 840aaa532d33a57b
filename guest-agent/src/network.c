#include "network.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <net/route.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "loop.h"
#include "read.h"

static const uint64_t patience = 2000000000u; // ns

static int up(int control, const char *name);
static bool find_card(const char *mac, char *name);
static int configure(int control, const char *name, struct in_addr address, unsigned bits);
static int route(int control, const char *name, struct in_addr gateway);
static struct sockaddr inet(uint32_t address);

int network_loopback(void) {
  int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (control < 0) {
    return -errno;
  }
  int error = up(control, "lo");
  close(control);
  return error;
}

int network_card(const char *address, const char *gateway, const char *mac) {
  char text[64];
  char name[IFNAMSIZ];
  struct in_addr own;
  struct in_addr next = {0};
  snprintf(text, sizeof text, "%s", address);
  char *slash = strchr(text, '/');
  char *end = text;
  unsigned long bits = slash == NULL ? 33 : strtoul(slash + 1, &end, 10);
  if (slash != NULL) {
    *slash = 0;
  }
  if (bits > 32 || *end != 0 || inet_pton(AF_INET, text, &own) != 1 ||
      (gateway[0] != 0 && inet_pton(AF_INET, gateway, &next) != 1)) {
    return -EINVAL;
  }
  for (uint64_t deadline = now() + patience; !find_card(mac, name);) {
    if (now() > deadline) {
      return -ENODEV;
    }
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
  }
  int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (control < 0) {
    return -errno;
  }
  int error = configure(control, name, own, (unsigned)bits);
  if (error == 0 && gateway[0] != 0) {
    error = route(control, name, next);
  }
  close(control);
  return error;
}

static int up(int control, const char *name) {
  struct ifreq request = {0};
  snprintf(request.ifr_name, IFNAMSIZ, "%s", name);
  if (ioctl(control, SIOCGIFFLAGS, &request) != 0) {
    return -errno;
  }
  request.ifr_flags |= IFF_UP;
  return ioctl(control, SIOCSIFFLAGS, &request) == 0 ? 0 : -errno;
}

static bool find_card(const char *mac, char *name) {
  DIR *cards = opendir("/sys/class/net");
  struct dirent *entry;
  char best[IFNAMSIZ] = "";
  while (cards != NULL && (entry = readdir(cards)) != NULL) {
    char path[300];
    char type[16];
    char own[64];
    snprintf(path, sizeof path, "/sys/class/net/%.200s/type", entry->d_name);
    // 1 is ARPHRD_ETHER
    if (strlen(entry->d_name) >= IFNAMSIZ || !read_line(path, type, sizeof type) || strcmp(type, "1") != 0) {
      continue;
    }
    snprintf(path, sizeof path, "/sys/class/net/%.200s/address", entry->d_name);
    bool fits = mac[0] == 0 || (read_line(path, own, sizeof own) && strcasecmp(own, mac) == 0);
    if (fits && (best[0] == 0 || strcmp(entry->d_name, best) < 0)) {
      snprintf(best, sizeof best, "%.15s", entry->d_name);
    }
  }
  if (cards != NULL) {
    closedir(cards);
  }
  memcpy(name, best, sizeof best);
  return best[0] != 0;
}

static int configure(int control, const char *name, struct in_addr address, unsigned bits) {
  struct ifreq request = {0};
  uint32_t mask = bits == 0 ? 0 : htonl(~0U << (32 - bits));
  snprintf(request.ifr_name, IFNAMSIZ, "%s", name);
  request.ifr_addr = inet(address.s_addr);
  if (ioctl(control, SIOCSIFADDR, &request) != 0) {
    return -errno;
  }
  request.ifr_netmask = inet(mask);
  if (ioctl(control, SIOCSIFNETMASK, &request) != 0) {
    return -errno;
  }
  return up(control, name);
}

static int route(int control, const char *name, struct in_addr gateway) {
  char device[IFNAMSIZ];
  snprintf(device, sizeof device, "%s", name);
  struct rtentry entry = {
      .rt_dst = inet(0),
      .rt_genmask = inet(0),
      .rt_gateway = inet(gateway.s_addr),
      .rt_flags = RTF_UP | RTF_GATEWAY,
      .rt_dev = device,
  };
  return ioctl(control, SIOCADDRT, &entry) == 0 || errno == EEXIST ? 0 : -errno;
}

static struct sockaddr inet(uint32_t address) {
  struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = address};
  struct sockaddr to;
  memcpy(&to, &from, sizeof to);
  return to;
}
