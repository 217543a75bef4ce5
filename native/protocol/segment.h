// The state of a segment of a store: which generation of records it holds, and how far it is filled.
//
// State. { generation:40 | filled:24 }. Only the owner of the hand stores it, so a store suffices. `filled` counts
//   units of 16 bytes, and grows by whole records. To use the segment again is one store: generation + 1, filled 0.
//   From then on each index word of the older generation is void, and none need be looked for.
// Wrap. An index word has the low 16 bits of a generation only. Before a generation with low bits of 0 begins, its
//   owner clears each index word that names the segment (S3). Without that, a word that no process cleared in 65,536
//   generations would name what is a value of another key by then, or the middle of one.
// Hints. Records, dead records and the latest expiry of a segment are for choosing victims. Wrong ones cost hits. So
//   they are loaded and stored: adding by a locked instruction would take as long as the rest of a put. Only its owner
//   counts the records of a segment. Others count the dead ones, as { generation:32 | count:32 }: two at once may lose
//   one, and one that stops between its load and its store may undo others. Then a segment seems to have more live
//   records than it has, and never fewer: a count of another generation is none.
//
// native/model/segment.pml checks the state, the looks of a get and the sweep.
#pragma once

#include "protocol/valuestore.h"

namespace orbit {

constexpr uint32_t kFilledBits = 24;
constexpr uint64_t kFilledMask = (uint64_t{1} << kFilledBits) - 1;

enum SegmentClass : uint64_t { kUnusedSegment = 0, kSmallSegment = 1, kMainSegment = 2 };

inline uint64_t generation_of(uint64_t state) { return state >> kFilledBits; }
inline uint32_t units_of(const ValueStore& store) { return store.spec.segmentBytes / kUnitBytes; }
// Never past the segment's end.
inline uint32_t filled_units(const ValueStore& store, uint64_t state) {
  uint64_t filled = state & kFilledMask;
  return static_cast<uint32_t>(filled < units_of(store) ? filled : units_of(store));
}
inline bool is_segment(const ValueStore& store, uint64_t chunk) { return chunk < store.spec.capacity; }
inline SegmentClass class_in(uint64_t meta) { return static_cast<SegmentClass>(meta & 3); }
inline uint64_t seal_in(uint64_t meta) { return meta >> 2; }

// Does the word name a record of this state? Its unit is below `filled` then.
inline bool is_of(uint64_t word, uint64_t state, uint32_t filled) {
  return generation_in(word) == (generation_of(state) & kGenerationMask) && unit_in(word) < filled;
}

// Acquire: a state that is newer than the word is seen with it. Partner: the store of store_state.
inline uint64_t state_of(const ValueStore& store, uint32_t segment) {
  return load_acquire(&store.segments[segment].state);
}

inline bool is_current(const ValueStore& store, uint64_t word) {
  if (!is_segment(store, segment_in(word))) return false;
  uint64_t state = state_of(store, segment_in(word));
  return is_of(word, state, filled_units(store, state));
}

inline uint32_t worth_of(const ValueStore& store, uint64_t word) {
  if (is_reservation(word)) return kWorthOfLive + kMaxFrequency;
  return is_current(store, word) ? kWorthOfLive + frequency_in(word) : uint32_t{kWorthOfGone};
}

// ---- hints ---------------------------------------------------------------------------------------------------------

// The count of dead records, for the generation of a state.
inline uint64_t dead_of(uint64_t state, uint64_t count) { return generation_of(state) << 32 | (count & UINT32_MAX); }
inline uint64_t dead_in(uint64_t state, uint64_t dead) {
  return dead >> 32 == (generation_of(state) & UINT32_MAX) ? dead & UINT32_MAX : 0;
}

// The index no longer names the record of this word. Each count acquires the one before and releases its own: a member
// that sees all records dead, and begins a new generation, brings the words that replaced them along. So a reader that
// finds the segment empty finds those words.
inline void note_dropped(const ValueStore& store, uint64_t word) {
  if (word == 0 || !is_segment(store, segment_in(word))) return;
  Segment* line = &store.segments[segment_in(word)];
  uint64_t state = state_of(store, segment_in(word));
  if (!is_of(word, state, filled_units(store, state))) return;
  uint64_t dead = dead_in(state, load_acquire(&line->dead));
  store_release(&line->dead, dead_of(state, dead + 1));
}

inline uint64_t records_in(const Segment& segment) { return load_relaxed(&segment.records) & UINT32_MAX; }
inline uint64_t live_records_in(const Segment& segment) {
  uint64_t records = records_in(segment), word = load_acquire(&segment.dead);  // partner: note_dropped
  uint64_t dead = dead_in(load_relaxed(&segment.state), word);
  return records > dead ? records - dead : 0;
}

// A record was written, and the index will name it.
inline void note_written(const ValueStore& store, uint32_t segment, uint64_t expiresAtMs) {
  Segment* line = &store.segments[segment];
  store_relaxed(&line->records, load_relaxed(&line->records) + 1);
  uint64_t until = expiresAtMs == 0 ? ~uint64_t{0} : expiresAtMs;
  if (until > load_relaxed(&line->maxExpiryMs)) store_relaxed(&line->maxExpiryMs, until);
}

// A part of a large value was written that takes half the segment or more.
inline void note_long_part(const ValueStore& store, uint64_t word) {
  store_relaxed(&store.segments[segment_in(word)].longPart, uint64_t{unit_in(word)} + 1);
}

// ---- owner of the hand ---------------------------------------------------------------------------------------------

// Clears each index word that names the segment.
__attribute__((noinline, cold)) inline void sweep_index(const ValueStore& store, uint32_t segment) {
  for (uint64_t bucket = 0; bucket <= store.bucketMask; bucket++) {
    uint64_t* words = store.index + bucket * kBucketWords;
    for (uint32_t way = 0; way < kBucketWords; way++) {
      for (uint32_t tries = 0; tries < kBucketTries; tries++) {
        uint64_t word = load_acquire(&words[way]);
        if (word == 0 || segment_in(word) != segment) break;
        clear_later(words, way, mark_in(word));
        if (exchange_if(&words[way], word, 0)) break;
      }
    }
  }
}

// The owner of a hand keeps the state of its segment in private memory, and stores what it has computed from that. So
// foreign bytes in the shared state never lead it past the segment's end.

// What a new owner takes from the shared state.
inline uint64_t take_state(const ValueStore& store, uint32_t segment) {
  uint64_t state = state_of(store, segment);
  return generation_of(state) << kFilledBits | filled_units(store, state);
}

// Release: the bytes of a record that is whole from here on (S2), or a sweep. Partners: the loads of state_of.
inline void store_state(const ValueStore& store, uint32_t segment, uint64_t state) {
  store_release(&store.segments[segment].state, state);
}

// Makes the segment empty: its records are gone from here on. `state` is the owner's. What is written then is released
// by each word of it, and brings the new state with it.
inline void begin_generation(const ValueStore& store, uint32_t segment, uint64_t* state) {
  Segment* line = &store.segments[segment];
  uint64_t generation = generation_of(*state) + 1;
  if ((generation & kGenerationMask) == 0) sweep_index(store, segment);
  store_relaxed(&line->meta, kUnusedSegment);
  store_relaxed(&line->records, 0);
  store_relaxed(&line->maxExpiryMs, 0);
  store_relaxed(&line->longPart, 0);
  store_relaxed(&line->hasHead, 0);
  store_relaxed(&line->spared, 0);
  *state = generation << kFilledBits;
  store_state(store, segment, *state);
}

}  // namespace orbit
