#include "reaper.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "jobs.h"
#include "loop.h"
#include "stream.h"

enum { CONDEMNED = 512 };

static const uint64_t grace = 2000000000u; // ns

struct condemned {
  pid_t leader;
  bool reaped;
  uint64_t deadline;
};

static struct condemned condemned[CONDEMNED];
static unsigned condemned_count;

static void condemn(pid_t leader);
static void execute(unsigned index);

void group_signal(pid_t leader, int number) {
  if (kill(-leader, number) != 0 && errno == ESRCH) {
    kill(leader, number);
  }
}

void group_hang_up(pid_t leader) {
  group_signal(leader, SIGHUP);
  // A stopped process acts on no signal but SIGKILL.
  group_signal(leader, SIGCONT);
}

void group_condemn(pid_t leader) {
  group_hang_up(leader);
  condemn(leader);
}

void group_terminate(pid_t leader) {
  group_signal(leader, SIGTERM);
  group_signal(leader, SIGCONT);
  condemn(leader);
}

static void condemn(pid_t leader) {
  if (condemned_count == CONDEMNED) {
    execute(0);
  }
  condemned[condemned_count++] = (struct condemned){.leader = leader, .deadline = now() + grace};
}

void reaper_collect(void) {
  int status;
  pid_t pid;
  while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
    for (unsigned i = 0; i < condemned_count; i++) {
      if (condemned[i].leader == pid) {
        condemned[i].reaped = true;
      }
    }
    if (!job_child_ended(pid, status)) {
      stream_child_ended(pid, status);
    }
  }
}

bool reaper_idle(void) {
  for (unsigned i = 0; i < condemned_count; i++) {
    if (!condemned[i].reaped || kill(-condemned[i].leader, 0) == 0) {
      return false;
    }
  }
  return true;
}

uint64_t reaper_deadline(void) {
  uint64_t earliest = NO_DEADLINE;
  for (unsigned i = 0; i < condemned_count; i++) {
    if (condemned[i].deadline < earliest) {
      earliest = condemned[i].deadline;
    }
  }
  return earliest;
}

void reaper_expire(void) {
  if (condemned_count == 0) {
    return;
  }
  uint64_t time = now();
  for (unsigned i = condemned_count; i-- > 0;) {
    if (condemned[i].deadline <= time) {
      execute(i);
    }
  }
}

static void execute(unsigned index) {
  struct condemned gone = condemned[index];
  condemned[index] = condemned[--condemned_count];
  if (!gone.reaped) {
    group_signal(gone.leader, SIGKILL);
  } else if (kill(gone.leader, 0) != 0) {
    // The number of a group is not given to a new process while the group has members. A process that has it although
    // the leader was reaped is thus a stranger, and so is its group.
    kill(-gone.leader, SIGKILL);
  }
}
