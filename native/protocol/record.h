// One entry of a store as it lies in a segment: header, key, tags, value, each padded to whole words; a record begins
// at a multiple of 16 bytes.
//
// A value over half a segment is in parts: records of its bytes without a key. Its own record, the head, has a table of
// words in place of the value: the length of all, and the place of each part.
//
// The bytes are input, as everywhere: a header is used only in a private copy, and only if the record that it describes
// lies within the filled bytes of its segment.
#pragma once

#include "protocol/storelayout.h"

namespace orbit {

constexpr uint32_t kMaxStoreKeyBytes = 1024;
constexpr uint32_t kMaxStoreTags = 128;

enum RecordKind : uint32_t { kValueRecord = 1, kHeadRecord = 2, kPartRecord = 3 };

struct RecordHeader {
  uint64_t shape;  // { valueBytes:32 | keyBytes:16 | tags:8 | RecordKind:8 }
  uint64_t hash;   // of the key
  uint64_t id;     // of the put
  uint64_t bornMs;
  uint64_t expiresAtMs;  // 0: never
  uint64_t staleAtMs;    // 0: never
};
static_assert(sizeof(RecordHeader) == 48, "six words, then key, tags and value");
constexpr uint32_t kHeaderWords = sizeof(RecordHeader) / 8;

// A private copy of a header, and its fields.
struct Record : RecordHeader {
  uint32_t value_bytes() const { return static_cast<uint32_t>(shape); }
  uint32_t key_bytes() const { return static_cast<uint32_t>(shape >> 32) & 0xffff; }
  uint32_t tag_count() const { return static_cast<uint32_t>(shape >> 48) & 0xff; }
  uint32_t kind() const { return static_cast<uint32_t>(shape >> 56); }
  uint32_t tags_at() const { return kHeaderWords + (key_bytes() + 7) / 8; }  // in words
  uint32_t value_at() const { return tags_at() + tag_count(); }              // in words
};

constexpr uint64_t record_shape(RecordKind kind, uint32_t keyBytes, uint32_t tags, uint32_t valueBytes) {
  return uint64_t{valueBytes} | uint64_t{keyBytes} << 32 | uint64_t{tags} << 48 | uint64_t{kind} << 56;
}

constexpr uint64_t record_bytes(uint64_t keyBytes, uint64_t tags, uint64_t valueBytes) {
  uint64_t bytes = sizeof(RecordHeader) + (keyBytes + 7) / 8 * 8 + tags * 8 + (valueBytes + 7) / 8 * 8;
  return (bytes + kUnitBytes - 1) / kUnitBytes * kUnitBytes;
}
inline uint64_t record_bytes(const Record& record) {
  return record_bytes(record.key_bytes(), record.tag_count(), record.value_bytes());
}
constexpr uint64_t kLeastRecordBytes = record_bytes(0, 0, 0);

// Copies the header of the record at `from`. False: what it describes does not fit the `room` bytes from there on.
inline bool read_record(const uint64_t* from, uint64_t room, Record* record) {
  if (room < sizeof(RecordHeader)) return false;
  copy_from_shared(static_cast<RecordHeader*>(record), from, sizeof(RecordHeader));
  bool isKnown = record->kind() >= kValueRecord && record->kind() <= kPartRecord;
  return isKnown && record->key_bytes() <= kMaxStoreKeyBytes && record->tag_count() <= kMaxStoreTags &&
         record_bytes(*record) <= room;
}

// Whether the record has this key, which is `length` bytes long as its own is.
inline bool has_key(const uint64_t* from, const uint8_t* key, uint32_t length) {
  const uint64_t* words = from + kHeaderWords;
  uint32_t at = 0;
  for (; at + 8 <= length; at += 8) {
    uint64_t word;
    memcpy(&word, key + at, 8);
    if (load_acquire(words + at / 8) != word) return false;
  }
  if (at == length) return true;
  return load_acquire(words + at / 8) == short_word(key + at, length - at);  // the padding of a record is zeros
}

}  // namespace orbit
