// Little-endian integers at any alignment.
#pragma once

#include <stdint.h>

static inline uint16_t little16(const uint8_t *at) { return (uint16_t)(at[0] | at[1] << 8); }

static inline uint32_t little32(const uint8_t *at) {
  return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static inline uint64_t little64(const uint8_t *at) {
  return (uint64_t)little32(at) | (uint64_t)little32(at + 4) << 32;
}

static inline void put_little16(uint8_t *at, uint16_t value) {
  at[0] = (uint8_t)value;
  at[1] = (uint8_t)(value >> 8);
}

static inline void put_little32(uint8_t *at, uint32_t value) {
  put_little16(at, (uint16_t)value);
  put_little16(at + 2, (uint16_t)(value >> 16));
}

static inline void put_little64(uint8_t *at, uint64_t value) {
  put_little32(at, (uint32_t)value);
  put_little32(at + 4, (uint32_t)(value >> 32));
}
