// One host at a time: the handshake, and everything that is sent under it.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "frame.h"

void session_frame(const struct frame *frame);
// The host has gone.
void session_lost(void);
bool session_established(void);
// What both sides speak; 0 without a session.
uint32_t session_version(void);

void send_frame(uint8_t type, uint8_t channel, uint32_t stream, const void *payload, size_t length);
void send_result(uint32_t stream, int error, const char *message);
void send_reset(uint32_t stream, int error, const char *message);
// An event of kind "log line", also written to the kernel's log.
void send_log(const char *format, ...) __attribute__((format(printf, 1, 2)));

// DATA without a copy: room for a payload, and its dispatch.
uint8_t *data_reserve(size_t length);
void data_commit(uint8_t channel, uint32_t stream, size_t length);
