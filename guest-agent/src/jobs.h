// Commands that no session holds: they run on whatever becomes of the host, and what they said last is kept.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "stream.h"

// The operations detach, jobs, attach and kill.
void job_start(uint32_t id, const uint8_t *payload, size_t length);
void jobs_list(uint32_t id);
void job_attach(uint32_t id, const uint8_t *payload, size_t length);
void job_kill(uint32_t id, const uint8_t *payload, size_t length);

// False if it is no job's process.
bool job_child_ended(pid_t pid, int status);
// Takes what jobs have said; true if there is more to do at once.
bool jobs_pump(void);
// Moves a job's output to one who follows it, within the limits; true if there may be more. May end the stream.
bool job_view_pump(struct stream *stream);
uint64_t jobs_deadline(void);
void jobs_expire(void);
// The host does not want what it is opening by that stream any more.
void job_abandon(uint32_t id);
// The session has gone, and with it whoever waits for a job's start.
void jobs_hang_up(void);
