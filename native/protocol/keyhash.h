// The hashes of cache keys and of the prefixes of resets, private to one process: index.h.
#pragma once

#include <memory>

#include "protocol/word.h"

namespace orbit {

struct KeyHash {
  uint64_t link, bucket;
};

enum KeyTag : uint64_t { kKey = 1, kPrefix = 2 };

// A key by words, each of up to 8 bytes at a multiple of 8: that of a caller, or that of a frame.
struct OurWords {
  const uint8_t* bytes;
  uint64_t operator()(uint32_t at, uint32_t count) const {
    uint64_t word = 0;
    memcpy(&word, bytes + at, count);
    return word;
  }
};
struct SharedWords {
  const uint64_t* words;
  uint64_t operator()(uint32_t at, uint32_t count) const {
    uint64_t word = load_acquire(words + at / 8);
    return count == 8 ? word : word & ((uint64_t{1} << count * 8) - 1);
  }
};

inline void mix(KeyHash* hash, uint64_t word) {
  unsigned __int128 product = static_cast<unsigned __int128>(hash->link ^ word) * 0x9e3779b97f4a7c15u;
  unsigned __int128 other = static_cast<unsigned __int128>(hash->bucket ^ word) * 0xd6e8feb86659fd93u;
  hash->link = static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
  hash->bucket = static_cast<uint64_t>(other) ^ static_cast<uint64_t>(other >> 64) ^ hash->link;
}

// Multiplies and folds 8 bytes at a time, as wyhash does. Because of the seed a stranger cannot construct collisions.
// The length comes last: so the hashes of all prefixes of a key share the work for their whole words.
inline KeyHash begin_hash(uint64_t seed, uint32_t namespaceBytes) {
  KeyHash hash = {seed, ~seed};
  mix(&hash, namespaceBytes);
  return hash;
}
template <typename Words>
inline void mix_words(KeyHash* hash, uint32_t from, uint32_t end, Words word) {
  for (uint32_t at = from; at + 8 <= end; at += 8) mix(hash, word(at, 8));
}
// The whole words are in `hash`. The tag and the length come after the last mixing, so no byte of a key cancels them.
template <typename Words>
inline KeyHash end_hash(KeyHash hash, KeyTag tag, uint32_t length, Words word) {
  if (length % 8 != 0) mix(&hash, word(length / 8 * 8, length % 8));
  hash.link ^= tag << 32 | length;
  return hash;
}
template <typename Words>
inline KeyHash hash_of_key(uint64_t seed, uint32_t namespaceBytes, uint32_t length, Words word) {
  KeyHash hash = begin_hash(seed, namespaceBytes);
  mix_words(&hash, 0, length, word);
  return end_hash(hash, kKey, length, word);
}

// How the prefixes of resets begin: a set of bits for each number of whole words. Most keys differ from all prefixes
// soon, and then no longer prefix need be looked up. There are two sets, one for each lap that a ring retains.
class Beginnings {
 public:
  bool may_begin(const KeyHash& words) const {
    uint64_t bit = words.bucket % kBits;
    return laps_ != nullptr && ((laps_[0].bits[bit / 64] | laps_[1].bits[bit / 64]) >> bit % 64 & 1) != 0;
  }
  // Notes the beginnings of a prefix, and returns its hash. The bytes may be torn: a bit that is set in vain costs a
  // look at one prefix.
  template <typename Words>
  KeyHash note(uint64_t lap, uint64_t seed, uint32_t namespaceBytes, uint32_t length, Words word) {
    KeyHash words = begin_hash(seed, namespaceBytes);
    if (length < 8) return end_hash(words, kPrefix, length, word);
    if (laps_ == nullptr) laps_.reset(new Lap[2]);
    Lap& set = laps_[lap % 2];
    if (set.lap != lap) set = {};
    set.lap = lap;
    for (uint32_t at = 0; at + 8 <= length; at += 8) {
      mix_words(&words, at, at + 8, word);
      uint64_t bit = words.bucket % kBits;
      set.bits[bit / 64] |= uint64_t{1} << bit % 64;
    }
    return end_hash(words, kPrefix, length, word);
  }
  void clear() { laps_.reset(); }

 private:
  static constexpr uint32_t kBits = 1 << 15;
  struct Lap {
    uint64_t lap = 0;
    uint64_t bits[kBits / 64] = {};
  };
  std::unique_ptr<Lap[]> laps_;
};

}  // namespace orbit
