// What a store holds and what its members did: for people and metrics.
#pragma once

#include "protocol/segment.h"

namespace orbit {

// The sum over all nodes. Each number was exact at some instant during the call.
inline NodeStats sum_stats(const ValueStore& store) {
  NodeStats sum = {};
  uint64_t* to = reinterpret_cast<uint64_t*>(&sum);
  for (uint32_t node = 0; node < store.spec.fleetSize; node++) {
    const uint64_t* from = reinterpret_cast<const uint64_t*>(&store.stats[node]);
    for (uint32_t i = 0; i < sizeof sum / 8; i++) to[i] += load_relaxed(from + i);
  }
  return sum;
}

struct StoreUse {
  uint64_t segments = 0, usedSegments = 0;
  uint64_t usedBytes = 0;          // of records, dead ones included
  uint64_t records = 0, live = 0;  // as the hints of the segments say
  uint64_t smallSegments = 0;      // of those in use
  uint64_t burned = 0;             // segments at most that deaths have made unusable until the fleet is empty
};

inline StoreUse use_of(const ValueStore& store) {
  StoreUse use;
  use.segments = store.spec.capacity;
  use.burned = load_relaxed(&store.ring.header->burned);
  for (uint32_t segment = 0; segment < store.spec.capacity; segment++) {
    const Segment& line = store.segments[segment];
    uint32_t filled = filled_units(store, state_of(store, segment));
    if (filled == 0) continue;
    use.usedSegments++;
    use.usedBytes += uint64_t{filled} * kUnitBytes;
    use.records += records_in(line);
    use.live += live_records_in(line);
    use.smallSegments += class_in(load_relaxed(&line.meta)) == kSmallSegment;
  }
  return use;
}

}  // namespace orbit
