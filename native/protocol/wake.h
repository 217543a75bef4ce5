// Waking: who sleeps until a ring has news, and who must ring whose bell. A bell is any way to end one node's sleep.
//
// Waiter. Set its bit in `sleepers`; move its arm word to a fresh odd value, also when it is odd already; look at the ring
//   once more; sleep. Woken, or just awake: poll, and arm again before the next sleep.
// Publisher, after its swap. No sleepers: done, one load. Else for each set bit whose arm g is odd: first ring the bell,
//   then move arm from g to g + 1. So whoever finds the arm even knows that the bell has been rung for that generation.
// Why it cannot miss. The swap, the bits, the arm and the waiter's last look are sequentially consistent: either the
//   publisher sees the arm, or the waiter sees the frame. A fresh value keeps a slow publisher from disarming a later
//   sleep on the strength of an earlier ring.
// Death. A publisher that dies between its swap and its ring wakes nobody for that frame: the one hole, which the waiter's
//   slow timer bounds. A waiter that dies armed is rung once; after that its bit costs a load, until its node is settled.
//
// A bell is a hint: lost, doubled or forged, it costs a poll, never a frame. native/model/bell.pml checks all of this.
#pragma once

#include "protocol/ring.h"

namespace orbit {

inline uint64_t* sleepers_word(const Ring& ring, uint32_t node) { return &ring.sleepers[node / 64]; }
inline uint64_t sleeper_bit(uint32_t node) { return uint64_t{1} << (node % 64); }

// Waiter: from here on publishers ring. Look with has_news before sleeping.
inline void arm(const Ring& ring, uint32_t node) {
  // The group first: publishers look at the bits of set groups only. Partners: the loads of ring_sleepers.
  // Set they stay set, but by ourselves and our settler.
  uint64_t group = uint64_t{1} << (node / kNodesPerSleeperGroup);
  if ((load_ordered(&ring.header->sleeperGroups) & group) == 0) set_bits_ordered(&ring.header->sleeperGroups, group);
  if ((load_ordered(sleepers_word(ring, node)) & sleeper_bit(node)) == 0) {
    set_bits_ordered(sleepers_word(ring, node), sleeper_bit(node));
  }
  uint64_t* word = &ring.entries[node].arm;
  uint64_t generation = load_relaxed(word);
  // A publisher may make an odd generation even meanwhile; the one after that is fresh all the same.
  store_ordered(word, generation + (generation % 2 == 0 ? 1 : 2));
}

// Waiter: does not sleep on this ring any more.
inline void disarm(const Ring& ring, uint32_t node) {
  uint64_t* word = &ring.entries[node].arm;
  uint64_t generation = load_relaxed(word);
  if (generation % 2 != 0) store_release(word, generation + 1);
  if ((load_relaxed(sleepers_word(ring, node)) & sleeper_bit(node)) != 0) {
    clear_bits(sleepers_word(ring, node), sleeper_bit(node));
  }
}

// Waiter: is there anything to poll at `position`? Partner: the swap of publish.
inline bool has_news(const Ring& ring, uint64_t position) {
  if (!representable(ring, position)) return false;
  return lap_in(load_ordered(slot_of(ring, position))) >= lap_of(ring, position);
}

inline bool has_sleepers(const Ring& ring) { return load_ordered(&ring.header->sleeperGroups) != 0; }

// Publisher: calls `ringBell(node)` for each node that sleeps on this ring and was not rung yet.
template <typename RingBell>
inline void ring_sleepers(const Ring& ring, RingBell ringBell) {
  uint64_t groups = load_ordered(&ring.header->sleeperGroups);
  for (; groups != 0; groups &= groups - 1) {
    uint32_t first = static_cast<uint32_t>(__builtin_ctzll(groups)) * kNodesPerSleeperGroup;
    for (uint32_t node = first; node < first + kNodesPerSleeperGroup && node < ring.spec.fleetSize; node += 64) {
      for (uint64_t bits = load_ordered(sleepers_word(ring, node)); bits != 0; bits &= bits - 1) {
        uint32_t sleeper = node + static_cast<uint32_t>(__builtin_ctzll(bits));
        if (sleeper >= ring.spec.fleetSize) break;  // foreign bits
        uint64_t* word = &ring.entries[sleeper].arm;
        uint64_t generation = load_ordered(word);
        if (generation % 2 == 0) continue;
        ringBell(sleeper);
        exchange_if(word, generation, generation + 1);
      }
    }
  }
}

}  // namespace orbit
