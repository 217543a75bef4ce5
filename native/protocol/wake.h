// Waking: which nodes sleep until a ring has news, and how a publisher wakes them. A bell is any way to end the sleep
// of one node; to signal it is to use it.
//
// Waiter. Set its bit in `sleepers`; move its arm word to a fresh odd value, even when it is odd already; look at the
//   ring once more; sleep. When it wakes: poll, and arm again before the next sleep.
// Publisher, after its swap. No sleepers: done, at the cost of one load. Otherwise, for each set bit whose arm word g
//   is odd: first signal the bell, then move the arm word from g to g + 1. So a process that finds the arm word even
//   knows that the bell has been signalled for that generation.
// Why no frame is missed. The swap, the bits, the arm word and the waiter's last look are sequentially consistent:
//   either the publisher sees the arm word, or the waiter sees the frame. The fresh value prevents that a slow
//   publisher, which signalled for an earlier sleep, disarms a later one.
// Death. A publisher that dies between its swap and its signal wakes no waiter for that frame. This is the only gap,
//   and the slow timer of each waiter bounds it. A waiter that dies armed is signalled once; after that its bit costs
// a
//   load until its node is settled.
//
// A bell is a hint: a signal that is lost, doubled or forged costs a poll, never a frame. native/model/bell.pml checks
// all of this.
#pragma once

#include "protocol/ring.h"

namespace orbit {

inline uint64_t* sleepers_word(const Ring& ring, uint32_t node) { return &ring.sleepers[node / 64]; }
inline uint64_t sleeper_bit(uint32_t node) { return uint64_t{1} << (node % 64); }

// Waiter: from here on publishers signal its bell. Look once more before sleeping, as fall_asleep does.
inline void arm(const Ring& ring, uint32_t node) {
  // The group first: publishers look at the bits of set groups only. Partners: the loads of wake_sleepers. Once set, a
  // group stays set, and a bit is cleared only by its own node and by the settler of that.
  uint64_t group = uint64_t{1} << (node / kNodesPerSleeperGroup);
  if ((load_ordered(&ring.header->sleeperGroups) & group) == 0) set_bits_ordered(&ring.header->sleeperGroups, group);
  if ((load_ordered(sleepers_word(ring, node)) & sleeper_bit(node)) == 0) {
    set_bits_ordered(sleepers_word(ring, node), sleeper_bit(node));
  }
  uint64_t* word = &ring.entries[node].arm;
  uint64_t generation = load_relaxed(word);
  // A publisher may make an odd generation even at the same time; the one after that is fresh in either case.
  // Partners: the load and the swap of wake_sleepers.
  store_ordered(word, generation + (generation % 2 == 0 ? 1 : 2));
}

// Waiter: no longer sleeps on this ring.
inline void disarm(const Ring& ring, uint32_t node) {
  uint64_t* word = &ring.entries[node].arm;
  uint64_t generation = load_relaxed(word);
  if (generation % 2 != 0) store_release(word, generation + 1);
  if ((load_relaxed(sleepers_word(ring, node)) & sleeper_bit(node)) != 0) {
    clear_bits(sleepers_word(ring, node), sleeper_bit(node));
  }
}

// Waiter: is there anything to poll at `position`? Partner: the swap of exchange_hand.
inline bool has_news(const Ring& ring, uint64_t position) {
  if (!representable(ring, position)) return false;
  return lap_in(load_ordered(slot_of(ring, position))) >= lap_of(ring, position);
}

// Waiter. True: there is something to poll at `position`. False: there is not, and from now on publishers signal its
// bell.
inline bool fall_asleep(const Ring& ring, uint32_t node, uint64_t position) {
  if (has_news(ring, position)) return true;
  arm(ring, node);
  return has_news(ring, position);  // once more: a publisher before this may not have seen the arm
}

// Publisher, after its swap: partner of the group's bit in arm.
inline bool has_sleepers(const Ring& ring) { return load_ordered(&ring.header->sleeperGroups) != 0; }

// Publisher: calls `signal(node)` for each node that sleeps on this ring and was not signalled yet. Partner of each
// load: the store of arm to the same word.
template <typename Signal>
inline void wake_sleepers(const Ring& ring, Signal signal) {
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
        signal(sleeper);
        exchange_if(word, generation, generation + 1);
      }
    }
  }
}

}  // namespace orbit
