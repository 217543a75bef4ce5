// SipHash: a hash with a secret key, without which inputs that collide cannot be made. After Aumasson and Bernstein,
// "SipHash: a fast short-input PRF".
#pragma once

#include "protocol/word.h"

namespace orbit {

struct HashKey {
  uint64_t first = 0, second = 0;
};

struct SipState {
  uint64_t a, b, c, d;

  explicit SipState(const HashKey& key)
      : a(key.first ^ 0x736f6d6570736575),
        b(key.second ^ 0x646f72616e646f6d),
        c(key.first ^ 0x6c7967656e657261),
        d(key.second ^ 0x7465646279746573) {}

  static uint64_t rotate(uint64_t word, int bits) { return word << bits | word >> (64 - bits); }
  void round() {
    a += b;
    c += d;
    b = rotate(b, 13) ^ a;
    d = rotate(d, 16) ^ c;
    a = rotate(a, 32);
    c += b;
    a += d;
    b = rotate(b, 17) ^ c;
    d = rotate(d, 21) ^ a;
    c = rotate(c, 32);
  }
  void absorb(uint64_t word, int rounds) {
    d ^= word;
    for (int i = 0; i < rounds; i++) round();
    a ^= word;
  }
};

// The hash of a word, which `state` has absorbed, and of the bytes behind it.
template <int kRounds = 1, int kLastRounds = 3>
inline uint64_t siphash(SipState state, const void* bytes, uint32_t length) {
  const uint8_t* from = static_cast<const uint8_t*>(bytes);
  uint64_t word;
  uint32_t at = 0;
  for (; at + 8 <= length; at += 8) {
    memcpy(&word, from + at, 8);
    state.absorb(word, kRounds);
  }
  uint64_t last = (sizeof word + uint64_t{length}) << 56;
  state.absorb(last | short_word(from + at, length - at), kRounds);
  state.c ^= 0xff;
  for (int i = 0; i < kLastRounds; i++) state.round();
  return state.a ^ state.b ^ state.c ^ state.d;
}

// The hash of a word, and of the bytes behind it. 1 round for each word and 3 at the end are what hash tables need.
template <int kRounds = 1, int kLastRounds = 3>
inline uint64_t siphash(const HashKey& key, uint64_t word, const void* bytes, uint32_t length) {
  SipState state(key);
  state.absorb(word, kRounds);
  return siphash<kRounds, kLastRounds>(state, bytes, length);
}

struct HashPair {
  uint64_t first, second;
};

// SipHash of bytes alone, with a result of 128 bits: for users of more bits than one word has.
template <int kRounds = 1, int kLastRounds = 3>
inline HashPair siphash_pair(const HashKey& key, const void* bytes, uint32_t length) {
  const uint8_t* from = static_cast<const uint8_t*>(bytes);
  SipState state(key);
  state.b ^= 0xee;
  uint32_t at = 0;
  uint64_t word;
  for (; at + 8 <= length; at += 8) {
    memcpy(&word, from + at, 8);
    state.absorb(word, kRounds);
  }
  state.absorb(uint64_t{length} << 56 | short_word(from + at, length - at), kRounds);
  state.c ^= 0xee;
  for (int i = 0; i < kLastRounds; i++) state.round();
  uint64_t first = state.a ^ state.b ^ state.c ^ state.d;
  state.b ^= 0xdd;
  for (int i = 0; i < kLastRounds; i++) state.round();
  return {first, state.a ^ state.b ^ state.c ^ state.d};
}

}  // namespace orbit
