// What a dead node leaves in a ring, and how its next owner settles it.
//
// Settle. An entry is { hand, intent { position, chunk } }. A death leaves one of these:
//   no intent                                        the hand is inherited as it is;
//   intent, slot below that lap                      the swap never happened: the hand;
//   intent, slot at that lap, holding the hand       the swap happened: the received chunk;
//   intent, slot at that lap, holding another chunk  the swap failed, or hand was already stored: the hand;
//   intent, slot at a later lap                      the slot cannot tell any more. Of the two chunks exactly one is
//   ours
//     and the other belongs to the living. A chunk seen in a slot, or as the hand of a node without intent, is not
//     ours, since ours can be in no other place until we publish it (I1): so seeing either one decides. Seeing neither
//     (the other one is on its way through somebody's swap) is undecidable: take a spare, count one chunk as burned.
//     Guessing would break I1, and the model shows it.
//
// Audit. With no other member alive nothing moves: chunks in no slot and no hand are spare again.
//
// The caller makes sure that nobody else owns or settles the node (settle), or that no other member lives (audit).
#pragma once

#include "protocol/ring.h"
#include "protocol/wake.h"

namespace orbit {

// Is the chunk certainly somebody else's? False also when it cannot be seen.
inline bool seen_elsewhere(const Ring& ring, uint32_t node, uint32_t chunk) {
  for (uint32_t i = 0; i <= ring.mask; i++) {
    if (chunk_in(load_acquire(&ring.slots[i])) == chunk) return true;
  }
  for (uint32_t other = 0; other < ring.spec.fleetSize; other++) {
    const NodeEntry& entry = ring.entries[other];
    // Without intent the hand word is exact. Intent first: a hand that is read after it can only be newer.
    // Partners: the stores of publish, steps 5 and 7.
    if (other != node && load_acquire(&entry.intentPosition) == 0 && load_acquire(&entry.hand) == chunk) return true;
  }
  return false;
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

// Makes the entry of `node` whole again and says which chunk is its hand. A settler that dies half-way leaves an entry
// that the next one settles in the same way.
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
    } else if (lap > wanted && owned != received && !seen_elsewhere(ring, node, static_cast<uint32_t>(received))) {
      if (seen_elsewhere(ring, node, static_cast<uint32_t>(owned))) {
        owned = received;
      } else {
        if (!take_spare(ring, &owned)) return RingStatus::kNoSpare;
        add_relaxed(&ring.header->burned, 1);
      }
    }
    store_release(&entry->hand, owned);
    store_release(&entry->intentPosition, 0);
  }
  disarm(ring, node);  // it waits no more
  ORBIT_CHECK(owned < ring.chunkCount);
  *hand = static_cast<uint32_t>(owned);
  return RingStatus::kOk;
}

// Settles `node` and makes a writer of it.
inline RingStatus become_writer(const Ring& ring, uint32_t node, Writer* writer) {
  writer->ring = ring;
  writer->node = node;
  writer->next = 0;
  writer->idBase = make_id(ring.spec.typeKind, node, 0);
  return settle(ring, node, &writer->hand);
}

constexpr uint64_t audit_mark_words(uint32_t chunkCount) { return (uint64_t{chunkCount} + 63) / 64; }

// Deals every chunk that is in no slot anew: one hand a node (its own where it can be), the rest spare. Burned chunks
// come back so. `marks` is zeroed room for audit_mark_words(chunkCount) words. kCorrupt: a slot holds no chunk, or two
// slots the same; nothing was changed. An audit that died half-way leaves sparesTaken above 0, and hands that only
// another audit can tell: it must be repeated before anybody settles.
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
