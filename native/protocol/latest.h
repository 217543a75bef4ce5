// The newest value of each node in a ring with a pod, which stays when the ring has overwritten its frame.
//
// Writer. One, the owner of the node: after it has published a value, it fills the place that the count does not name,
//   then counts it.
// Readers. Any number: load the count n, copy latest[n % 2], load the count again. The same n means that the copy is
//   whole, because value n + 2, the next one in that place, begins only after n + 1 was counted.
// Death. At any instruction the last counted value stays readable; one that was being written was never counted.
// Next owner. Goes on counting where the last one ended. A value carries the incarnation of its owner, so a reader can
//   ask whether that lives.
//
// This is the protocol of beat.h for values of any length, and simpler, since the count never begins anew:
// native/model/beat.pml checks it. No reader waits: one that is passed again and again gives up.
#pragma once

#include "protocol/ring.h"

namespace orbit {

// A healthy writer seldom passes a reader. A hostile one could do so for ever.
constexpr int kLatestTries = 1000;

inline uint64_t* latest_words(const Ring& ring, uint32_t node, uint64_t count) {
  return reinterpret_cast<uint64_t*>(ring.latest + (uint64_t{node} * 2 + count % 2) * ring.stride);
}

// Notes what this writer has just published at `position`. The ring has a pod.
inline void note_latest(const Writer& writer, uint64_t incarnation, uint64_t position, const void* payload,
                        uint32_t length) {
  uint64_t* count = &writer.ring.entries[writer.node].latestCount;
  uint64_t next = load_relaxed(count) + 1;
  uint64_t* words = latest_words(writer.ring, writer.node, next);
  LatestHeader header = {position, incarnation, length};
  ORBIT_CHECK(length <= writer.ring.spec.payloadBytes);
  copy_to_shared(words, &header, sizeof header);
  copy_to_shared(words + sizeof header / 8, payload, length);
  store_release(count, next);  // partner: the loads of read_latest
}

// Copies the last whole value of a node; `payload` has room for the ring's payloadBytes, padded to 8. kNotYet: it has
// none. Its owner may have left or died since.
inline RingStatus read_latest(const Ring& ring, uint32_t node, LatestHeader* header, void* payload) {
  const uint64_t* counted = &ring.entries[node].latestCount;
  for (int tries = 0; tries < kLatestTries; tries++) {
    uint64_t count = load_acquire(counted);  // partner: the count of note_latest
    if (count == 0) return RingStatus::kNotYet;
    const uint64_t* words = latest_words(ring, node, count);
    copy_from_shared(header, words, sizeof *header);
    bool fits = header->length <= ring.spec.payloadBytes;
    if (fits) copy_from_shared(payload, words + sizeof *header / 8, header->length);
    // Partner: the count of note_latest that let the next value into this place.
    if (load_acquire(counted) == count) return fits ? RingStatus::kOk : RingStatus::kCorrupt;
  }
  return RingStatus::kNotYet;
}

}  // namespace orbit
