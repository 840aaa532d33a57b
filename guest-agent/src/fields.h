#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct field {
  uint16_t tag;
  uint32_t length;
  const uint8_t *value;
};

struct field_reader {
  const uint8_t *at;
  const uint8_t *end;
};

// Whether every field lies inside the payload; the readers below rely on it.
bool fields_valid(const uint8_t *payload, size_t length);
struct field_reader fields_read(const uint8_t *payload, size_t length);
bool field_next(struct field_reader *reader, struct field *field);

// The last field with that tag, as a repeated setting overrides an earlier one. Numbers of the wrong size and text
// that has a NUL or does not fit leave `*value` alone and return false.
bool field_find(const uint8_t *payload, size_t length, uint16_t tag, struct field *field);
bool field_u32(const uint8_t *payload, size_t length, uint16_t tag, uint32_t *value);
bool field_u64(const uint8_t *payload, size_t length, uint16_t tag, uint64_t *value);
bool field_text(const uint8_t *payload, size_t length, uint16_t tag, char *value, size_t size);

// A field that does not fit is left out whole.
struct field_writer {
  uint8_t *bytes;
  size_t length;
  size_t capacity;
};

void put_field(struct field_writer *writer, uint16_t tag, const void *value, size_t length);
void put_u32(struct field_writer *writer, uint16_t tag, uint32_t value);
void put_u64(struct field_writer *writer, uint16_t tag, uint64_t value);
void put_text(struct field_writer *writer, uint16_t tag, const char *value);
