#include "jobs.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent.h"
#include "channel.h"
#include "exec.h"
#include "fields.h"
#include "launch.h"
#include "loop.h"
#include "output.h"
#include "output_log.h"
#include "reaper.h"
#include "session.h"

enum { JOBS = 64, ENDED_KEPT = 16, COMMAND_SHOWN = 200, READ_SIZE = 32768, ENTRY_SIZE = 512 };

static const uint64_t drain_time = 200000000u; // ns

struct job {
  uint32_t id;     // 0: free
  uint32_t opener; // the stream that waits to hear that it runs, or 0
  pid_t pid;
  bool started;
  bool ended;
  bool timed_out;
  int status; // as of wait()
  uint64_t started_at; // CLOCK_REALTIME, ns
  uint64_t ended_at;
  uint64_t deadline;
  uint64_t drain_until;
  struct source report;
  size_t report_length;
  uint8_t report_bytes[REPORT_SIZE];
  struct output outputs[2];
  struct output_log log;
  char command[COMMAND_SHOWN + 1];
};

static struct job jobs[JOBS];
static uint32_t last_id;

static struct job *place(void);
static struct job *find(const uint8_t *payload, size_t length);
static void release(struct job *job);
static void note_command(struct job *job, const uint8_t *payload, size_t length);
static void report_ready(struct source *source, uint32_t events);
static bool take(struct job *job, struct output *output);
static bool finished(const struct job *job);
static void view_end(struct stream *stream, const struct job *job);
static void put_end(struct field_writer *writer, const struct job *job, uint16_t code, uint16_t signal);
static uint64_t wall_clock(void);

void job_start(uint32_t id, const uint8_t *payload, size_t length) {
  struct job *job = place();
  if (job == NULL) {
    send_result(id, EAGAIN, "64 detached commands are running");
    return;
  }
  struct plumbing plumbing;
  uint32_t timeout = 0;
  int error = plumbing_make(&plumbing, payload, length, false);
  pid_t pid = error == 0 ? plumbing_fork(&plumbing, launch, payload, length) : -1;
  if (pid < 0) {
    send_result(id, error != 0 ? error : errno, "no pipe or process could be made");
    return;
  }
  *job = (struct job){.id = ++last_id, .opener = id, .pid = pid, .started_at = wall_clock(), .deadline = NO_DEADLINE};
  if (field_u32(payload, length, EXEC_TIMEOUT, &timeout) && timeout > 0) {
    job->deadline = now() + (uint64_t)timeout * 1000000u;
  }
  note_command(job, payload, length);
  for (unsigned o = 0; o < 2; o++) {
    job->outputs[o] = (struct output){.source.fd = -1, .channel = (uint8_t)(STDOUT + o)};
    output_start(&job->outputs[o], plumbing.ours[STDOUT + o]);
  }
  job->report.fd = -1;
  source_open(&job->report, plumbing.report[0], report_ready, EPOLLIN);
}

void jobs_list(uint32_t id) {
  static uint8_t bytes[PAYLOAD_MAX];
  struct field_writer writer = {.bytes = bytes, .capacity = sizeof bytes};
  put_u32(&writer, RESULT_ERRNO, 0);
  for (unsigned i = 0; i < JOBS; i++) {
    const struct job *job = &jobs[i];
    if (job->id == 0 || !job->started) {
      continue;
    }
    uint8_t entry[ENTRY_SIZE];
    struct field_writer inner = {.bytes = entry, .capacity = sizeof entry};
    put_u32(&inner, JOB_ID, job->id);
    put_u32(&inner, JOB_PID, (uint32_t)job->pid);
    put_u64(&inner, JOB_STARTED, job->started_at);
    put_u64(&inner, JOB_OUTPUT, job->log.total);
    put_text(&inner, JOB_COMMAND, job->command);
    if (finished(job)) {
      put_u64(&inner, JOB_ENDED, job->ended_at);
      put_end(&inner, job, JOB_CODE, JOB_SIGNAL);
    }
    put_field(&writer, JOB_ENTRY, entry, inner.length);
  }
  send_frame(RESULT, 0, id, bytes, writer.length);
}

void job_attach(uint32_t id, const uint8_t *payload, size_t length) {
  struct job *job = find(payload, length);
  if (job == NULL) {
    send_result(id, ENOENT, "no such detached command");
    return;
  }
  struct stream *stream = stream_create(id, STREAM_VIEW, OP_ATTACH, job->pid, -1);
  if (stream == NULL) {
    return;
  }
  stream->job = job->id;
  stream->reader = output_log_begin(&job->log);
  stream->started = true;
  uint8_t bytes[64];
  struct field_writer writer = {.bytes = bytes, .capacity = sizeof bytes};
  put_u32(&writer, RESULT_ERRNO, 0);
  put_u32(&writer, EXEC_PID, (uint32_t)job->pid);
  put_u64(&writer, JOB_LOST, stream->reader.lost);
  send_frame(RESULT, 0, id, bytes, writer.length);
}

void job_kill(uint32_t id, const uint8_t *payload, size_t length) {
  uint32_t number = SIGTERM;
  struct job *job = find(payload, length);
  field_u32(payload, length, JOB_KILL_SIGNAL, &number);
  if (job == NULL) {
    send_result(id, ENOENT, "no such detached command");
  } else if (job->ended) {
    send_result(id, ESRCH, "it has ended already");
  } else if (number < 1 || number > 64) {
    send_result(id, EINVAL, "no such signal");
  } else {
    group_signal(job->pid, (int)number);
    if (number == SIGTERM || number == SIGHUP) {
      // A stopped process acts on no signal but SIGKILL.
      group_signal(job->pid, SIGCONT);
    }
    send_result(id, 0, NULL);
  }
}

bool job_child_ended(pid_t pid, int status) {
  for (unsigned i = 0; i < JOBS; i++) {
    struct job *job = &jobs[i];
    if (job->id == 0 || job->pid != pid || job->ended) {
      continue;
    }
    job->ended = true;
    job->status = status;
    job->ended_at = wall_clock();
    job->drain_until = now() + drain_time;
    for (unsigned o = 0; o < 2; o++) {
      output_owe(&job->outputs[o]);
    }
    return true;
  }
  return false;
}

bool jobs_pump(void) {
  bool more = false;
  for (unsigned i = 0; i < JOBS; i++) {
    for (unsigned o = 0; o < 2 && jobs[i].id != 0; o++) {
      more |= take(&jobs[i], &jobs[i].outputs[o]);
    }
  }
  return more;
}

bool job_view_pump(struct stream *stream) {
  struct job *job = NULL;
  for (unsigned i = 0; i < JOBS && job == NULL; i++) {
    job = jobs[i].id == stream->job ? &jobs[i] : NULL;
  }
  if (job == NULL) {
    stream_fail(stream, ENOENT, "its output was dropped for that of later commands");
    return false;
  }
  size_t length = output_log_peek(&job->log, &stream->reader, PAYLOAD_MAX);
  if (length == 0) {
    if (finished(job)) {
      view_end(stream, job);
    }
    return false;
  }
  struct output *output = &stream->outputs[stream->reader.channel - STDOUT];
  if (output->credit == 0) {
    return false;
  }
  if (channel_queued() >= OUTPUT_MARK) {
    return true;
  }
  length = length < output->credit ? length : output->credit;
  uint8_t *at = data_reserve(length);
  if (at == NULL) {
    return false;
  }
  output_log_take(&job->log, &stream->reader, at, length);
  data_commit(output->channel, stream->id, length);
  output->credit -= (uint32_t)length;
  return true;
}

uint64_t jobs_deadline(void) {
  uint64_t earliest = NO_DEADLINE;
  for (unsigned i = 0; i < JOBS; i++) {
    const struct job *job = &jobs[i];
    uint64_t next = NO_DEADLINE;
    if (job->id != 0) {
      next = !job->ended ? job->deadline : finished(job) ? NO_DEADLINE : job->drain_until;
    }
    earliest = next < earliest ? next : earliest;
  }
  return earliest;
}

void jobs_expire(void) {
  for (unsigned i = 0; i < JOBS; i++) {
    struct job *job = &jobs[i];
    if (job->id == 0) {
      continue;
    }
    if (!job->ended && job->deadline <= now()) {
      job->deadline = NO_DEADLINE;
      job->timed_out = true;
      group_terminate(job->pid);
    }
    for (unsigned o = 0; o < 2 && job->ended && job->drain_until <= now(); o++) {
      if (job->outputs[o].owed == 0) {
        source_close(&job->outputs[o].source);
      }
    }
  }
}

void job_abandon(uint32_t id) {
  for (unsigned i = 0; i < JOBS; i++) {
    if (jobs[i].id != 0 && jobs[i].opener == id) {
      jobs[i].opener = 0;
      if (!jobs[i].ended) {
        group_condemn(jobs[i].pid);
      }
    }
  }
}

void jobs_hang_up(void) {
  for (unsigned i = 0; i < JOBS; i++) {
    jobs[i].opener = 0;
    // A double of the agent leaves nothing running on the host that runs it.
    if (agent.stopping && jobs[i].id != 0 && !jobs[i].ended) {
      group_condemn(jobs[i].pid);
      release(&jobs[i]);
    }
  }
}

// A free place; those of commands that ended longest ago are made free.
static struct job *place(void) {
  struct job *empty = NULL;
  struct job *oldest = NULL;
  unsigned ended = 0;
  for (unsigned i = 0; i < JOBS; i++) {
    struct job *job = &jobs[i];
    if (job->id == 0) {
      empty = job;
    } else if (job->started && finished(job)) {
      ended++;
      oldest = oldest == NULL || job->id < oldest->id ? job : oldest;
    }
  }
  if (oldest != NULL && (ended >= ENDED_KEPT || empty == NULL)) {
    release(oldest);
    empty = oldest;
  }
  return empty;
}

static struct job *find(const uint8_t *payload, size_t length) {
  uint32_t id = 0;
  field_u32(payload, length, JOB_NUMBER, &id);
  for (unsigned i = 0; i < JOBS && id != 0; i++) {
    if (jobs[i].id == id && jobs[i].started) {
      return &jobs[i];
    }
  }
  return NULL;
}

static void release(struct job *job) {
  source_close(&job->report);
  source_close(&job->outputs[0].source);
  source_close(&job->outputs[1].source);
  output_log_free(&job->log);
  memset(job, 0, sizeof *job);
  // Events of this turn may still be on their way to them.
  job->report.fd = job->outputs[0].source.fd = job->outputs[1].source.fd = -1;
}

// The arguments, with spaces between them, as far as they are shown.
static void note_command(struct job *job, const uint8_t *payload, size_t length) {
  struct field_reader reader = fields_read(payload, length);
  struct field field;
  size_t used = 0;
  while (field_next(&reader, &field) && used < COMMAND_SHOWN) {
    if (field.tag != EXEC_ARG) {
      continue;
    }
    if (used > 0) {
      job->command[used++] = ' ';
    }
    size_t part = field.length < COMMAND_SHOWN - used ? field.length : COMMAND_SHOWN - used;
    memcpy(job->command + used, field.value, part);
    used += part;
  }
}

static void report_ready(struct source *source, uint32_t events) {
  struct job *job = (struct job *)((char *)source - offsetof(struct job, report));
  (void)events;
  for (;;) {
    ssize_t count = read(source->fd, job->report_bytes + job->report_length, REPORT_SIZE - job->report_length);
    if (count > 0) {
      job->report_length += (size_t)count;
    } else if (count == 0 || errno != EINTR) {
      if (count < 0 && errno == EAGAIN) {
        return;
      }
      break;
    }
  }
  source_close(source);
  if (job->report_length > 0) {
    if (job->opener != 0) {
      send_frame(RESULT, 0, job->opener, job->report_bytes, job->report_length);
    }
    release(job);
    return;
  }
  job->started = true;
  if (job->opener != 0) {
    uint8_t bytes[64];
    struct field_writer writer = {.bytes = bytes, .capacity = sizeof bytes};
    put_u32(&writer, RESULT_ERRNO, 0);
    put_u32(&writer, EXEC_PID, (uint32_t)job->pid);
    put_u32(&writer, JOB_NUMBER, job->id);
    send_frame(RESULT, 0, job->opener, bytes, writer.length);
    job->opener = 0;
  }
}

// One piece at a time, so that a command that never stops talking does not keep the others waiting.
static bool take(struct job *job, struct output *output) {
  static uint8_t bytes[READ_SIZE];
  if (output->source.fd < 0 || !output->ready) {
    return false;
  }
  ssize_t count = read(output->source.fd, bytes, sizeof bytes);
  if (count > 0) {
    output_log_add(&job->log, output->channel, bytes, (size_t)count);
    output->owed -= output->owed < (size_t)count ? output->owed : (size_t)count;
    return true;
  }
  if (count < 0 && errno == EINTR) {
    return true;
  }
  output->ready = false;
  if (count == 0 || errno != EAGAIN) {
    source_close(&output->source);
  }
  return false;
}

static bool finished(const struct job *job) {
  return job->ended && job->outputs[0].source.fd < 0 && job->outputs[1].source.fd < 0;
}

static void view_end(struct stream *stream, const struct job *job) {
  uint8_t bytes[64];
  struct field_writer writer = {.bytes = bytes, .capacity = sizeof bytes};
  put_end(&writer, job, EXIT_CODE, EXIT_SIGNAL);
  put_u64(&writer, JOB_LOST, stream->reader.lost);
  stream_exit(stream, bytes, writer.length);
}

static void put_end(struct field_writer *writer, const struct job *job, uint16_t code, uint16_t signal) {
  if (WIFSIGNALED(job->status)) {
    put_u32(writer, signal, (uint32_t)WTERMSIG(job->status));
  } else {
    put_u32(writer, code, (uint32_t)WEXITSTATUS(job->status));
  }
  if (job->timed_out) {
    put_u32(writer, code == EXIT_CODE ? EXIT_TIMED_OUT : JOB_TIMED_OUT, 1);
  }
}

static uint64_t wall_clock(void) {
  struct timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}
