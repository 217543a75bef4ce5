// The payload formats of orbit's own layers: what the bytes of a cache frame and of an event mean.
//
// The ring knows nothing of them. Their numbers are little-endian and belong to the memory layout (layout.h).
#pragma once

#include <stdint.h>

namespace orbit {

// KINDs of the objects of orbit's own layers.
constexpr uint32_t kCacheKind = 200;
constexpr uint32_t kEventKind = 220;
constexpr uint32_t kContestKind = 222;
constexpr uint32_t kLimitsKind = 224;
constexpr uint32_t kCountersKind = 226;
constexpr uint32_t kCallKind = 228;
constexpr uint32_t kStoreKind = 230;

// The payload of a cache frame is this header, then the namespace and the key back to back, padded with zeros to 8
// bytes, then the value. The version of the frame is the monotonic millisecond at which the entry expires; 0: never.
struct CacheHeader {
  uint8_t op;  // CacheOp
  uint8_t namespaceBytes;
  uint16_t keyBytes;  // of the key, or of the prefix that a reset names
  uint32_t valueBytes;
};
static_assert(sizeof(CacheHeader) == 8, "one word, so that the key begins on one");

enum CacheOp : uint8_t { kCachePut = 1, kCacheDelete = 2, kCacheReset = 3 };

// The payload of an event is this header, then the topic in UTF-8, then the user's payload. The version of the frame is
// the Unix time of its publication in ms. A frame of frame kind 1 ends with the origin of an event from another host:
// its epoch and its index as float64, the name of the host in UTF-8, and the length of that name in one byte.
constexpr uint32_t kMaxTopicBytes = 0xffff;
struct EventHeader {
  uint16_t topicBytes;
};
static_assert(sizeof(EventHeader) == 2, "the topic follows at once");

// The content of a cell of entries is this header, then the id and the value back to back; or nothing.
struct EntryHeader {
  uint64_t incarnation;  // of the owner's node
  uint32_t node;         // the owner
  uint16_t idBytes;      // 1 or more
  uint16_t valueBytes;
};
static_assert(sizeof(EntryHeader) == 16, "part of the memory layout");

}  // namespace orbit
