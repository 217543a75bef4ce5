// The text of a ring's pod: by it members compare their pods, and inspectors decode frames.
//
// It is the text without its closing brace: `{"a":u32` and `,"b":f64` behind it once a member has added a field.
// Writers. The creator writes it with the ring. A member with a longer pod appends the text of the added fields behind
//   it, and then stores the new length. It holds the membership lock of the fleet, so there is one at a time.
// Readers. They load the length, and then copy that much. They take no lock.
// Death. A writer that dies before it stores the length leaves bytes behind the text that no reader looks at, and that
//   the next writer overwrites.
//
// Invariants:
//   S1  The text only grows: the bytes below a length that was ever stored do not change.
//   S2  The pod of each member that has opened the ring is the text, or its first fields.
//
// By S2 all frames of a ring can be told by their length alone: a reader decodes the fields that it knows, and takes
// those that a shorter frame lacks for zero.
#pragma once

#include "protocol/ring.h"

namespace orbit {

// How the pod of a caller compares with that of a ring, by their texts.
enum class PodMatch {
  kSame,
  kLonger,   // the caller's has the fields of the ring and more
  kShorter,  // the ring's has the fields of the caller and more
  kOther,
};

inline PodMatch match_pods(const char* wanted, uint32_t wantedBytes, const char* found, uint32_t foundBytes) {
  uint32_t common = wantedBytes < foundBytes ? wantedBytes : foundBytes;
  if (common == 0 || memcmp(wanted, found, common) != 0) return PodMatch::kOther;
  if (wantedBytes == foundBytes) return PodMatch::kSame;
  // A comma at the end of the shorter text begins a field: its brackets and quotes are closed there.
  const char* longer = wantedBytes > foundBytes ? wanted : found;
  if (longer[common] != ',') return PodMatch::kOther;
  return wantedBytes > foundBytes ? PodMatch::kLonger : PodMatch::kShorter;
}

// The length of the text now; 0 for one that does not fit its room. Acquire: the bytes below the length. Partner:
// append_schema.
inline uint32_t schema_bytes(const Ring& ring) {
  uint64_t bytes = load_acquire(&ring.header->schemaBytes);
  return bytes <= ring.spec.schemaRoom ? static_cast<uint32_t>(bytes) : 0;
}

// Copies the first `bytes` of the text, at most as many as schema_bytes has returned.
inline void copy_schema(const Ring& ring, char* text, uint32_t bytes) {
  for (uint32_t at = 0; at < bytes; at += 8) {
    uint64_t word = load_relaxed(ring.schema + at / 8);
    memcpy(text + at, &word, bytes - at < 8 ? bytes - at : 8);
  }
}

// Makes `text` the text of the ring. It begins with the present one, of `before` bytes, and fits the room. The caller
// holds the membership lock.
inline void append_schema(const Ring& ring, uint32_t before, const char* text, uint32_t bytes) {
  ORBIT_CHECK(before <= bytes && bytes <= ring.spec.schemaRoom);
  // The first word may have bytes of the present text, which stay as they are (S1).
  for (uint32_t at = before / 8 * 8; at < bytes; at += 8) {
    uint64_t word = 0;
    memcpy(&word, text + at, bytes - at < 8 ? bytes - at : 8);
    store_relaxed(ring.schema + at / 8, word);
  }
  // Release: the bytes. Partner: schema_bytes.
  store_release(&ring.header->schemaBytes, bytes);
}

}  // namespace orbit
