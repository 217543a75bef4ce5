// The memory layout of a store object: a part of layout.h, with the same rules.
//
//   OFFSET     SIZE                   FIELD                                      WRITTEN BY
//   0          448                    RingHeader                                 as in a ring
//   448        64                     geometry, seed                             creator
//   512        64                     clock, floor, prefixLengths                resets, by compare-and-swap
//   560        8                      watched                                    the first watcher
//   576        128                    seals, reservations                        members, by fetch-and-add
//   704        nodes / 2, align64     unused, where a ring has its sleepers
//   ...        as in a ring           slot[], NodeEntry[4 * nodes], spare[]      as in a table
//   ...        nodes * 128            NodeStats[]                                its node
//   ...        slots * 64             Segment[]                                  owner of the hand: segment.h
//   ...        floorBuckets * 64      floors: 8 words a bucket (floors.h)        resets, by compare-and-swap
//   ...        buckets * 64           index: 8 words a bucket (bucket.h)         members, by compare-and-swap
//   ...        slots * segmentBytes   segments: records (record.h)               the owner of the hand
//
// A chunk below the number of slots is a segment. The other chunks are blanks: numbers without memory. A new store has
// all segments in slots, and a blank in each hand and spare.
#pragma once

#include "protocol/ring.h"
#include "protocol/siphash.h"

namespace orbit {

constexpr uint32_t kHands = 4;        // of each node
constexpr uint32_t kBucketWords = 8;  // one line
constexpr uint32_t kUnitBytes = 16;   // records begin at multiples of it
constexpr uint32_t kMinSegments = 16, kMaxSegments = 1u << 13;
constexpr uint32_t kMinSegmentBytes = 1u << 13, kMaxSegmentBytes = 1u << 20;
constexpr uint32_t kMaxBuckets = 1u << 26, kMaxFloorBuckets = 1u << 16;

struct StoreHeader {
  RingHeader slots;

  uint64_t segmentBytes;
  uint64_t bucketCount;
  uint64_t floorBuckets;
  uint64_t seed[2];  // random; a key for hashes of keys, prefixes and tags
  uint64_t reservedGeometry[3];

  uint64_t clock;             // of the newest reset; milliseconds of CLOCK_MONOTONIC, but no two resets have the same
  uint64_t floor;             // entries that were born before it are gone
  uint64_t prefixLengths[4];  // bit n: a prefix of n bytes was reset
  uint64_t watched;           // 1: members note their changes in a ring beside the store (storewatch.ts)
  uint64_t reservedClock;

  uint64_t seals;  // segments that were filled; orders them by age
  uint64_t reservedSeals[7];

  uint64_t reservations;
  uint64_t reservedReservations[7];
};
static_assert(offsetof(StoreHeader, segmentBytes) == 448, "geometry has its own line");
static_assert(offsetof(StoreHeader, clock) == 512, "what each get loads has its own line");
static_assert(sizeof(StoreHeader) == 704, "eleven lines");

// One segment of a store. All but the state are hints for choosing the next victim.
struct Segment {
  uint64_t state;        // { generation:40 | filled:24 }, filled in units of 16 bytes
  uint64_t meta;         // { seal:62 | SegmentClass:2 }, seal 0: open
  uint64_t dead;         // { generation:32 | count:32 } of the records that no index word names any more
  uint64_t records;      // all that were written, parts of large values included
  uint64_t maxExpiryMs;  // of its records; ~0: one never expires
  uint64_t longPart;     // unit + 1 of a part of a large value that takes half the segment or more; 0: none
  uint64_t hasHead;      // 1: one of its records is the head of a large value
  uint64_t spared;       // records that were dead when it was put back for its long part
};
static_assert(sizeof(Segment) == kCacheLineBytes, "one line per segment");

// What one node did in a store; the sum over all nodes is what the fleet did.
struct NodeStats {
  uint64_t ids;  // drawn for entries
  uint64_t hits, misses;
  uint64_t puts, putBytes, deletes;
  uint64_t evicted;            // entries dropped for lack of room
  uint64_t moved, movedBytes;  // entries that got a second chance
  uint64_t rotated;            // segments filled
  uint64_t compacted;          // segments emptied because much of them was dead
  uint64_t conflicts;          // entries dropped because their bucket of the index was full
  uint64_t refused;            // puts that were too large, or found no room
  uint64_t reserved[3];
};
static_assert(sizeof(NodeStats) == 2 * kCacheLineBytes, "two lines per node");

// What a creator asks for, and what an attacher finds.
struct StoreSpec {
  uint32_t typeKind = 0;
  uint32_t fleetSize = 0;
  uint64_t fleetId = 0;
  HashKey seed;
  uint32_t capacity = 0;      // slots, and segments; a power of two
  uint32_t segmentBytes = 0;  // whole lines
  uint32_t bucketCount = 0;   // a power of two
  uint32_t floorBuckets = 0;  // a power of two
};

struct StoreOffsets {
  uint64_t sleepers, slots, entries, spares, stats, segments, floors, index, arena, end;
};

constexpr StoreOffsets store_offsets(const StoreSpec& spec) {
  uint64_t entries = uint64_t{spec.fleetSize} * kHands;
  StoreOffsets at{};
  at.sleepers = sizeof(StoreHeader);
  at.slots = at.sleepers + align_line((entries + 63) / 64 * 8);
  at.entries = at.slots + align_line(uint64_t{spec.capacity} * 8);
  at.spares = at.entries + entries * sizeof(NodeEntry);
  at.stats = at.spares + align_line(uint64_t{spare_count(static_cast<uint32_t>(entries))} * 8);
  at.segments = at.stats + uint64_t{spec.fleetSize} * sizeof(NodeStats);
  at.floors = at.segments + uint64_t{spec.capacity} * sizeof(Segment);
  at.index = at.floors + uint64_t{spec.floorBuckets} * kCacheLineBytes;
  at.arena = at.index + uint64_t{spec.bucketCount} * kCacheLineBytes;
  at.end = at.arena + uint64_t{spec.capacity} * spec.segmentBytes;
  return at;
}
constexpr uint64_t store_bytes(const StoreSpec& spec) { return store_offsets(spec).end; }

constexpr bool is_power_of_two(uint64_t number) { return number != 0 && (number & (number - 1)) == 0; }

constexpr bool valid_store(const StoreSpec& spec) {
  bool fits = spec.typeKind <= kMaxKind && spec.fleetSize >= 1 && spec.fleetSize <= kMaxFleetSize &&
              is_power_of_two(spec.capacity) && spec.capacity >= kMinSegments && spec.capacity <= kMaxSegments &&
              spec.segmentBytes % kCacheLineBytes == 0 && spec.segmentBytes >= kMinSegmentBytes &&
              spec.segmentBytes <= kMaxSegmentBytes && is_power_of_two(spec.bucketCount) &&
              spec.bucketCount <= kMaxBuckets && is_power_of_two(spec.floorBuckets) &&
              spec.floorBuckets <= kMaxFloorBuckets;
  return fits && chunk_count(spec.capacity, spec.fleetSize * kHands) <= kMaxChunks;
}

}  // namespace orbit
