// What a dead node leaves in a ring or table, and how its next owner settles it.
//
// Settle. An entry is { hand, intent { position, chunk } }. A death leaves one of these:
//   no intent                                        the hand is inherited as it is
//   intent, slot below that lap                      the swap never happened: the hand
//   intent, slot at that lap, holds the hand         the swap happened: the received chunk
//   intent, slot at that lap, holds another chunk    the swap failed, or the new hand was stored already: the hand
//   intent, slot at a later lap                      the slot no longer says: look for the two chunks elsewhere
//   In the last case exactly one of the two chunks is ours, and the other one belongs to a living node. A chunk in a
//   slot, or in the hand of another node without intent, is not ours, since ours is nowhere else until we publish it
//   (I1). So to see either of them decides. When neither is seen, the other one is inside another node's swap. That
//   ends soon, unless its process was stopped or killed there: so look again, a bounded number of times. After that the
//   case cannot be decided: take a spare chunk, and count one as burned. To guess would break I1, and the model shows
//   how.
//
// Audit. When no other member is alive nothing moves: every chunk in no slot and no hand becomes spare again.
//
// The caller ensures that no other process owns or settles the node (settle), or that no other member is alive (audit).
// The kernel's lease does that, and orders the new owner after everything that the dead one did.
#pragma once

#include "protocol/ring.h"
#include "protocol/wake.h"

namespace orbit {

// Does the chunk certainly belong to a slot or to another node? False as well when it cannot be seen.
inline bool seen_elsewhere(const Ring& ring, uint32_t node, uint32_t chunk) {
  for (uint32_t i = 0; i <= ring.mask; i++) {
    if (chunk_in(load_acquire(&ring.slots[i])) == chunk) return true;
  }
  for (uint32_t other = 0; other < ring.spec.fleetSize; other++) {
    const NodeEntry& entry = ring.entries[other];
    // Without intent the hand word is exact. The intent is loaded first: a hand loaded after it can only be newer.
    // Partners: the three stores of exchange_hand to its entry.
    if (other != node && load_acquire(&entry.intentPosition) == 0 && load_acquire(&entry.hand) == chunk) return true;
  }
  return false;
}

// How often settle looks for two chunks, and how many words it loads for that at most: some milliseconds. Tests of
// every instruction or execution make fewer looks.
#ifndef ORBIT_MOST_LOOKS
#define ORBIT_MOST_LOOKS 1000
#endif
constexpr uint32_t kMostLooks = ORBIT_MOST_LOOKS, kLookedWords = 1u << 21;

inline uint32_t looks_of(const Ring& ring) {
  uint32_t looks = kLookedWords / (ring.mask + 1 + ring.spec.fleetSize);
  return looks < 2 ? 2 : looks < kMostLooks ? looks : kMostLooks;
}

enum class Owned { kHand, kReceived, kUnknown };

// Which of two different chunks is the node's, when its slot no longer says.
inline Owned look_for(const Ring& ring, uint32_t node, uint32_t hand, uint32_t received) {
  for (uint32_t looks = looks_of(ring); looks > 0; looks--) {
    if (seen_elsewhere(ring, node, received)) return Owned::kHand;
    if (seen_elsewhere(ring, node, hand)) return Owned::kReceived;
  }
  return Owned::kUnknown;
}

inline bool take_spare(const Ring& ring, uint64_t* chunk) {
  uint64_t index = add_relaxed(&ring.header->sparesTaken, 1);
  if (index >= ring.spareCount) {
    store_relaxed(&ring.header->sparesTaken, ring.spareCount);
    return false;
  }
  *chunk = load_acquire(&ring.spares[index]);
  return *chunk < ring.chunkCount;
}

// Completes the entry of `node`, and returns which chunk is its hand. When a settler dies half-way, the next one
// settles the entry in the same way.
inline RingStatus settle(const Ring& ring, uint32_t node, uint32_t* hand) {
  NodeEntry* entry = &ring.entries[node];
  uint64_t owned = load_acquire(&entry->hand);
  uint64_t received = load_acquire(&entry->intentChunk);
  uint64_t intent = load_acquire(&entry->intentPosition);
  if (owned >= ring.chunkCount) return RingStatus::kCorrupt;
  if (intent != 0) {
    uint64_t position = intent - 1;
    if (!representable(ring, position) || received >= ring.chunkCount) return RingStatus::kCorrupt;
    uint64_t word = load_acquire(slot_of(ring, position));
    uint64_t lap = lap_in(word), wanted = lap_of(ring, position);
    if (lap == wanted && chunk_in(word) == owned) {
      owned = received;
    } else if (lap > wanted && owned != received) {
      Owned which = look_for(ring, node, static_cast<uint32_t>(owned), static_cast<uint32_t>(received));
      if (which == Owned::kReceived) owned = received;
      if (which == Owned::kUnknown) {
        if (!take_spare(ring, &owned)) return RingStatus::kNoSpare;
        add_relaxed(&ring.header->burned, 1);
      }
    }
    store_release(&entry->hand, owned);
    store_release(&entry->intentPosition, 0);
  }
  disarm(ring, node);  // the dead owner no longer waits
  ORBIT_CHECK(owned < ring.chunkCount);
  *hand = static_cast<uint32_t>(owned);
  return RingStatus::kOk;
}

// Settles `node`, and makes a writer for it.
inline RingStatus become_writer(const Ring& ring, uint32_t node, Writer* writer) {
  writer->ring = ring;
  writer->node = node;
  writer->next = 0;
  writer->idBase = make_id(ring.spec.typeKind, node, 0);
  return settle(ring, node, &writer->hand);
}

constexpr uint64_t audit_mark_words(uint32_t chunkCount) { return (uint64_t{chunkCount} + 63) / 64; }

// Distributes all chunks that are in no slot: one hand to each node (its own where possible), the rest become spare,
// and so burned chunks return. `marks` is zeroed room for audit_mark_words(chunkCount) words. kCorrupt: a slot holds no
// chunk, or two slots hold the same one; nothing was changed. An audit that dies half-way leaves sparesTaken above 0,
// and hands that only another audit can determine: it must be repeated before any node settles.
inline RingStatus audit(const Ring& ring, uint64_t* marks) {
  auto mark = [&](uint64_t chunk) {
    if (chunk >= ring.chunkCount || (marks[chunk >> 6] >> (chunk & 63) & 1) != 0) return false;
    marks[chunk >> 6] |= uint64_t{1} << (chunk & 63);
    return true;
  };
  constexpr uint64_t kNoChunk = ~uint64_t{0};
  for (uint32_t i = 0; i <= ring.mask; i++) {
    if (!mark(chunk_in(load_acquire(&ring.slots[i])))) return RingStatus::kCorrupt;
  }
  store_release(&ring.header->sparesTaken, ring.spareCount);
  for (uint32_t node = 0; node < ring.spec.fleetSize; node++) {
    NodeEntry* entry = &ring.entries[node];
    if (!mark(load_acquire(&entry->hand))) store_release(&entry->hand, kNoChunk);
    store_release(&entry->intentPosition, 0);
  }
  uint64_t candidate = 0;
  for (uint32_t node = 0; node < ring.spec.fleetSize; node++) {
    NodeEntry* entry = &ring.entries[node];
    if (load_acquire(&entry->hand) != kNoChunk) continue;
    while (!mark(candidate)) candidate++;
    ORBIT_CHECK(candidate < ring.chunkCount);
    store_release(&entry->hand, candidate);
  }
  for (uint32_t index = 0; index < ring.spareCount; index++) {
    while (!mark(candidate)) candidate++;
    ORBIT_CHECK(candidate < ring.chunkCount);
    store_release(&ring.spares[index], candidate);
  }
  store_release(&ring.header->burned, 0);
  store_release(&ring.header->sparesTaken, 0);
  return RingStatus::kOk;
}

}  // namespace orbit
