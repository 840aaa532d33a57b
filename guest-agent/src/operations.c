#include "operations.h"

#include <errno.h>

#include "agent.h"
#include "boot.h"
#include "clock.h"
#include "copy.h"
#include "dial.h"
#include "exec.h"
#include "fields.h"
#include "file.h"
#include "identify.h"
#include "info.h"
#include "jobs.h"
#include "launch.h"
#include "metrics.h"
#include "mount.h"
#include "ports.h"
#include "quiesce.h"
#include "renew.h"
#include "session.h"
#include "shutdown.h"
#include "worker.h"

static bool mounting;

static void mount_start(uint32_t id, const uint8_t *payload, size_t length);
static void copy_start(uint32_t id, uint32_t operation, command_body *body, const uint8_t *payload, size_t length);

void operation_start(uint32_t id, uint32_t operation, const uint8_t *payload, size_t length) {
  switch (operation) {
  case OP_EXEC:
    if (agent.phase != PHASE_BOOTED) {
      send_result(id, EAGAIN, "the machine has not booted yet");
    } else {
      command_start(id, operation, launch, payload, length);
    }
    return;
  case OP_DIAL:
    if (agent.phase != PHASE_BOOTED) {
      send_result(id, EAGAIN, "the machine has not booted yet");
    } else {
      dial_start(id, payload, length);
    }
    return;
  case OP_PORTS:
    if (agent.phase != PHASE_BOOTED) {
      send_result(id, EAGAIN, "the machine has not booted yet");
    } else {
      ports_watch(id);
    }
    return;
  case OP_DETACH:
    if (agent.phase != PHASE_BOOTED) {
      send_result(id, EAGAIN, "the machine has not booted yet");
    } else {
      job_start(id, payload, length);
    }
    return;
  case OP_JOBS:
    jobs_list(id);
    return;
  case OP_ATTACH:
    job_attach(id, payload, length);
    return;
  case OP_JOB_KILL:
    job_kill(id, payload, length);
    return;
  case OP_MOUNT:
    mount_start(id, payload, length);
    return;
  case OP_BOOT:
    if (agent.phase != PHASE_MOUNTED) {
      send_result(id, EINVAL, "boot comes after mount, once");
    } else if (streams_working()) {
      send_result(id, EBUSY, "another operation is under way");
    } else {
      boot(id, payload, length);
    }
    return;
  case OP_SYNC:
    worker_start(id, operation, sync_work, payload, length);
    return;
  case OP_SHUTDOWN:
    if (!agent.in_guest) {
      send_result(id, EINVAL, "this agent has no machine");
    } else {
      worker_start(id, operation, shutdown_work, payload, length);
    }
    return;
  case OP_INFO:
    info(id);
    return;
  case OP_FILE:
    if (agent.phase == PHASE_INITRAMFS) {
      send_result(id, EINVAL, "files come after mount");
    } else if (agent.phase == PHASE_MOUNTED) {
      worker_here(id, file_work, payload, length);
    } else {
      worker_start(id, operation, file_work, payload, length);
    }
    return;
  case OP_QUIESCE:
    if (agent.phase != PHASE_BOOTED) {
      send_result(id, EINVAL, "the machine has not booted yet");
    } else {
      worker_start(id, operation, quiesce_work, payload, length);
    }
    return;
  case OP_IDENTIFY:
    if (!agent.in_guest || agent.phase != PHASE_BOOTED) {
      send_result(id, EINVAL, "only a booted machine can be given another identity");
    } else {
      worker_start(id, operation, identify_work, payload, length);
    }
    return;
  case OP_PACK:
    copy_start(id, operation, pack_operation, payload, length);
    return;
  case OP_UNPACK:
    copy_start(id, operation, unpack_operation, payload, length);
    return;
  case OP_STORE:
    copy_start(id, operation, store_operation, payload, length);
    return;
  case OP_METRICS:
    metrics(id);
    return;
  case OP_CLOCK:
    clock_compare(id, payload, length);
    return;
  default:
    send_result(id, ENOSYS, "unknown operation");
  }
}

void operation_ended(struct stream *stream) {
  uint32_t error = EIO;
  if (stream->report_length > 0) {
    field_u32(stream->report_bytes, stream->report_length, RESULT_ERRNO, &error);
  }
  if (stream->operation == OP_MOUNT) {
    mounting = false;
    if (error == 0) {
      agent.phase = PHASE_MOUNTED;
    }
  }
  if (stream->operation == OP_IDENTIFY && error == 0) {
    renew_soon();
  }
  if (stream->id == 0) {
    return;
  }
  if (stream->report_length == 0) {
    send_result(stream->id, EIO, "the process of this operation died");
  } else {
    send_frame(RESULT, 0, stream->id, stream->report_bytes, stream->report_length);
  }
}

static void mount_start(uint32_t id, const uint8_t *payload, size_t length) {
  if (agent.phase != PHASE_INITRAMFS || mounting) {
    send_result(id, EINVAL, "mount happens once");
    return;
  }
  mounting = worker_start(id, OP_MOUNT, mount_work, payload, length);
}

static void copy_start(uint32_t id, uint32_t operation, command_body *body, const uint8_t *payload, size_t length) {
  if (agent.phase == PHASE_INITRAMFS) {
    send_result(id, EINVAL, "files come after mount");
  } else {
    command_start(id, operation, body, payload, length);
  }
}
