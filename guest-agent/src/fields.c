#include "fields.h"

#include <string.h>

#include "little.h"

// u16 tag, u16 zero, u32 length
enum { FIELD_HEADER = 8 };

bool fields_valid(const uint8_t *payload, size_t length) {
  struct field_reader reader = fields_read(payload, length);
  struct field field;
  while (field_next(&reader, &field)) {
  }
  return reader.at == reader.end;
}

struct field_reader fields_read(const uint8_t *payload, size_t length) {
  return (struct field_reader){.at = payload, .end = payload + length};
}

bool field_next(struct field_reader *reader, struct field *field) {
  size_t left = (size_t)(reader->end - reader->at);
  if (left < FIELD_HEADER || little32(reader->at + 4) > left - FIELD_HEADER) {
    return false;
  }
  field->tag = little16(reader->at);
  field->length = little32(reader->at + 4);
  field->value = reader->at + FIELD_HEADER;
  reader->at += FIELD_HEADER + field->length;
  return true;
}

bool field_find(const uint8_t *payload, size_t length, uint16_t tag, struct field *found) {
  struct field_reader reader = fields_read(payload, length);
  struct field field;
  bool any = false;
  while (field_next(&reader, &field)) {
    if (field.tag == tag) {
      *found = field;
      any = true;
    }
  }
  return any;
}

bool field_u32(const uint8_t *payload, size_t length, uint16_t tag, uint32_t *value) {
  struct field field;
  if (!field_find(payload, length, tag, &field) || field.length != 4) {
    return false;
  }
  *value = little32(field.value);
  return true;
}

bool field_u64(const uint8_t *payload, size_t length, uint16_t tag, uint64_t *value) {
  struct field field;
  if (!field_find(payload, length, tag, &field) || field.length != 8) {
    return false;
  }
  *value = little64(field.value);
  return true;
}

bool field_text(const uint8_t *payload, size_t length, uint16_t tag, char *value, size_t size) {
  struct field field;
  if (!field_find(payload, length, tag, &field) || field.length >= size || memchr(field.value, 0, field.length)) {
    return false;
  }
  memcpy(value, field.value, field.length);
  value[field.length] = 0;
  return true;
}

void put_field(struct field_writer *writer, uint16_t tag, const void *value, size_t length) {
  if (length > writer->capacity - writer->length || writer->capacity - writer->length - length < FIELD_HEADER) {
    return;
  }
  uint8_t *at = writer->bytes + writer->length;
  put_little16(at, tag);
  put_little16(at + 2, 0);
  put_little32(at + 4, (uint32_t)length);
  memcpy(at + FIELD_HEADER, value, length);
  writer->length += FIELD_HEADER + length;
}

void put_u32(struct field_writer *writer, uint16_t tag, uint32_t value) {
  uint8_t bytes[4];
  put_little32(bytes, value);
  put_field(writer, tag, bytes, sizeof bytes);
}

void put_u64(struct field_writer *writer, uint16_t tag, uint64_t value) {
  uint8_t bytes[8];
  put_little64(bytes, value);
  put_field(writer, tag, bytes, sizeof bytes);
}

void put_text(struct field_writer *writer, uint16_t tag, const char *value) {
  put_field(writer, tag, value, strlen(value));
}
