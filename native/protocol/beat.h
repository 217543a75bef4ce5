// Heartbeats: the latest beat of each node, kept in the node's record.
//
// Writer. One, the member that holds the node: fills the beat that the count does not name, then counts it.
// Readers. Any number: load the count n, copy beats[n % 2], load the count again. The same n means that the copy is
//   whole, because beat n + 2, the next one in that place, begins only after n + 1 was counted.
// Death. At any instruction the last counted beat stays readable; one that was being written was never counted.
// Next owner. Writes the record from its first word on, between two stores of `joined`. So a reader that copied any
//   word of that sees another incarnation, even when the new member has reached the same count.
//
// No reader waits: one that is passed again and again gives up. native/model/beat.pml checks all of this.
#pragma once

#include "protocol/layout.h"
#include "protocol/word.h"

namespace orbit {

// A healthy writer seldom passes a reader, since a beat takes longer than a copy. A hostile one could do so for ever.
constexpr int kBeatTries = 100;

inline uint64_t* beat_words(NodeRecord* record, uint64_t count) {
  return reinterpret_cast<uint64_t*>(&record->beats[count % 2]);
}
inline const uint64_t* beat_words(const NodeRecord* record, uint64_t count) {
  return reinterpret_cast<const uint64_t*>(&record->beats[count % 2]);
}

inline void write_beat(NodeRecord* record, const Beat& beat) {
  uint64_t count = load_relaxed(&record->beatCount) + 1;
  copy_to_shared(beat_words(record, count), &beat, sizeof beat);
  store_release(&record->beatCount, count);  // partner: the loads of read_beat
}

// The last whole beat of the member that joined as `incarnation`, and its number, from 1 on. False: it has made none,
// or the node has another owner.
inline bool read_beat(const NodeRecord* record, uint64_t incarnation, uint64_t* number, Beat* beat) {
  for (int tries = 0; tries < kBeatTries; tries++) {
    uint64_t count = load_acquire(&record->beatCount);  // partner: the count of write_beat
    if (count == 0) return false;
    copy_from_shared(beat, beat_words(record, count), sizeof *beat);
    // Partners: the count of write_beat that let the next beat into this place; the first store of a next owner. In
    // this order: a next owner that comes between the two loads may have counted up to the same number.
    if (load_acquire(&record->beatCount) != count) continue;
    if (load_acquire(&record->incarnation) != incarnation) return false;
    *number = count;
    return true;
  }
  return false;
}

}  // namespace orbit
