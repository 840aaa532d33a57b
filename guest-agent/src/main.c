// The guest agent of banger: serves docs/agent-protocol.md.
//   /init (as PID 1)                    in the initramfs of a machine
//   banger-agent --serve-fd N [--root DIRECTORY]
//                                       an ordinary process on the host, over an inherited socket
//   banger-agent --pack … | --unpack … | --map …
//                                       helpers of the host
//   banger-agent --version

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent.h"
#include "channel.h"
#include "copy.h"
#include "initramfs.h"
#include "jobs.h"
#include "loop.h"
#include "map.h"
#include "output.h"
#include "ports.h"
#include "process.h"
#include "reaper.h"
#include "renew.h"
#include "stream.h"

#ifndef BUILD_ID
#define BUILD_ID "unknown"
#endif

const char build_id[] = "2+" BUILD_ID;

struct agent agent = {.root = "/"};

static int serve(void);
static uint64_t earliest(uint64_t one, uint64_t other);
static int wait_for_condemned(void);
static int usage(void);

int main(int argc, char **argv) {
  agent.started = now();
  if (argc == 2 && strcmp(argv[1], "--version") == 0) {
    puts(build_id);
    return 0;
  }
  if (copy_helper(argc, argv) || map_helper(argc, argv)) {
    return 0;
  }
  process_name(argv[0]);
  if (getpid() == 1) {
    agent.in_guest = true;
    agent.root = NEW_ROOT;
    int port = initramfs_start();
    loop_start();
    channel_start(port);
    return serve();
  }
  if ((argc != 3 && argc != 5) || strcmp(argv[1], "--serve-fd") != 0) {
    return usage();
  }
  if (argc == 5) {
    if (strcmp(argv[3], "--root") != 0) {
      return usage();
    }
    agent.root = argv[4];
  }
  char *end;
  long fd = strtol(argv[2], &end, 10);
  if (*end != 0 || fd < 0 || fcntl((int)fd, F_SETFD, FD_CLOEXEC) != 0) {
    return usage();
  }
  agent.phase = PHASE_BOOTED;
  descriptors_fill("/dev/null");
  descriptors_raise();
  loop_start();
  if (!channel_start((int)fd)) {
    return usage();
  }
  return serve();
}

static int serve(void) {
  while (!agent.stopping) {
    bool busy = channel_pump();
    busy |= jobs_pump();
    bool output = streams_pump();
    channel_flush();
    busy |= agent.stopping || (output && channel_queued() < OUTPUT_MARK);
    uint64_t deadline = earliest(streams_deadline(), earliest(ports_deadline(), reaper_deadline()));
    deadline = earliest(deadline, earliest(channel_deadline(), earliest(jobs_deadline(), renew_deadline())));
    loop_wait(busy ? 0 : deadline);
    channel_expire();
    streams_expire();
    ports_expire();
    jobs_expire();
    reaper_expire();
    renew_expire();
  }
  return wait_for_condemned();
}

static uint64_t earliest(uint64_t one, uint64_t other) { return one < other ? one : other; }

// A double of the agent leaves nothing running on the host that runs it.
static int wait_for_condemned(void) {
  streams_hang_up();
  while (!reaper_idle()) {
    // Members of a group whose leader has ended are not our children: nothing tells of their ends.
    loop_wait(earliest(now() + 20000000, reaper_deadline()));
    reaper_expire();
  }
  return 0;
}

static int usage(void) {
  fputs("usage: banger-agent --version | --serve-fd N [--root DIRECTORY] | --pack FLAGS (PATH NAME)... | --unpack FLAGS PATH | --map PATH\n", stderr);
  return 2;
}
