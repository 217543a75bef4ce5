// Large values in a store: which value a part is of, and whether a value has all its parts.
//
// Part. It has the hash and the id of its value. So its head is the record that the index names for the hash, if that
//   has the id, and the part in its table. A part that is in no table is dead.
// Table. It names each part by a place and by 34 bits of the generation. These pass only after years of writing.
// Size. These functions run once for a part, not for each get or put. So they are compiled to be short.
// Look. The head is in a segment of any owner, so it is read as a get reads: word, state, bytes, word, state.
//
// native/model/parts.pml checks how a part moves, and how a value is read.
#pragma once

#include "protocol/hands.h"

namespace orbit {

constexpr uint64_t kPartGenerations = (uint64_t{1} << (64 - kPlaceBits)) - 1;

// What a table has of a part that is in a segment of this state.
inline uint64_t part_word(uint64_t state, uint64_t place) { return generation_of(state) << kPlaceBits | place; }
inline bool is_part_of(uint64_t part, uint64_t state, uint32_t filled) {
  return part >> kPlaceBits == (generation_of(state) & kPartGenerations) && unit_in(part) < filled;
}
inline bool is_long_part(const ValueStore& store, uint64_t bytes) { return bytes >= store.spec.segmentBytes / 2; }

// The record of a large value, as it was while the index named it.
struct Head {
  const uint64_t* from;
  Record record;
  uint64_t* bucket;
  Spot spot;
  uint64_t state;  // of its segment
  uint32_t part;   // the one that was looked for
  uint32_t parts;
};

inline uint32_t parts_of(const Record& head) {
  uint32_t words = head.value_bytes() / 8;
  return words < 2 || words > kMaxParts + 1 ? 0 : words - 1;  // 0: foreign bytes
}
inline uint64_t part_at(const uint64_t* from, const Record& head, uint32_t part) {
  return load_acquire(from + head.value_at() + 1 + part);
}

// Whether the index still names the head, and its bytes stood still. Partners: the swap of a post, the store of
// begin_generation.
inline bool is_still_head(const ValueStore& store, const Head& head) {
  uint64_t word = load_acquire(&head.bucket[head.spot.way]);
  return is_same(word, head.spot.word) && generation_of(state_of(store, segment_in(word))) == generation_of(head.state);
}

// Finds the head with `part` in its table. False: the part is dead.
__attribute__((noinline, cold)) inline bool find_head(const ValueStore& store, const Record& record, uint64_t part,
                                                      Head* head) {
  head->bucket = bucket_at(store, record.hash);
  head->spot = first_with(head->bucket, mark_of(record.hash));
  uint64_t word = head->spot.word;
  if (word == 0 || !is_segment(store, segment_in(word))) return false;
  head->state = state_of(store, segment_in(word));
  uint32_t filled = filled_units(store, head->state);
  if (!is_of(word, head->state, filled)) return false;
  head->from = record_at(store, segment_in(word), unit_in(word));
  bool isRead = read_record(head->from, uint64_t{filled - unit_in(word)} * kUnitBytes, &head->record);
  if (!isRead || head->record.kind() != kHeadRecord || head->record.id != record.id) return false;
  head->parts = parts_of(head->record);
  head->part = 0;
  while (head->part < head->parts && part_at(head->from, head->record, head->part) != part) head->part++;
  return head->part < head->parts && is_still_head(store, *head);
}

// Whether all parts of a head are there.
__attribute__((noinline, cold)) inline bool has_parts(const ValueStore& store, const uint64_t* from,
                                                      const Record& head) {
  uint32_t parts = parts_of(head);
  for (uint32_t i = 0; i < parts; i++) {
    uint64_t part = part_at(from, head, i);
    if (!is_segment(store, segment_in(part))) return false;
    uint64_t state = state_of(store, segment_in(part));
    if (!is_part_of(part, state, filled_units(store, state))) return false;
  }
  return parts > 0;
}

// The parts of the value that a word names count as dead; none, if the word names no head.
__attribute__((noinline, cold)) inline void note_parts_dropped(const ValueStore& store, uint64_t word) {
  uint64_t state = state_of(store, segment_in(word));
  uint32_t filled = filled_units(store, state), unit = unit_in(word);
  if (!is_of(word, state, filled)) return;
  const uint64_t* from = record_at(store, segment_in(word), unit);
  Record head;
  if (!read_record(from, uint64_t{filled - unit} * kUnitBytes, &head) || head.kind() != kHeadRecord) return;
  for (uint32_t i = 0; i < parts_of(head); i++) {
    uint64_t part = part_at(from, head, i);
    // Another head may be there by now, of a value that is alive. Partner: the store of begin_generation.
    if (generation_of(state_of(store, segment_in(word))) != generation_of(state)) return;
    if (!is_segment(store, segment_in(part))) continue;
    uint64_t ofPart = state_of(store, segment_in(part));
    if (!is_part_of(part, ofPart, filled_units(store, ofPart))) continue;
    note_dropped(store, index_word(1, 0, generation_of(ofPart), place_in(part)));
  }
}

// The index no longer names the value of this word.
inline void note_gone(const ValueStore& store, uint64_t word) {
  if (word == 0 || !is_segment(store, segment_in(word))) return;
  if (load_relaxed(&store.segments[segment_in(word)].hasHead) != 0) note_parts_dropped(store, word);
  note_dropped(store, word);
}

}  // namespace orbit
