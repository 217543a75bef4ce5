// Pairs: two neighboring words that move as one, by a compare-and-swap of 16 bytes.
//
// Loads. There are none of 16 bytes: a caller loads the two words one after the other, and what it has loaded may be of
//   two moments. A swap that expects such a torn pair fails, unless the pair has that very content when it is compared.
//   A caller that decides without a swap loads the key, the value, and the key again: load_pair.
// Stores. There are none: a pair changes by swaps only, from the moment at which its object is finished.
//
// The swap is written for the two processors that have one. The compiler's own would call libatomic, which the addon
// does not link (native/posix/libc.h).
#pragma once

#include "protocol/word.h"

namespace orbit {

struct alignas(16) Pair {
  uint64_t key;
  uint64_t value;
};
static_assert(sizeof(Pair) == 16, "one swap moves both words");

inline bool is_equal(const Pair& one, const Pair& other) { return one.key == other.key && one.value == other.value; }

#ifndef ORBIT_WORDS
// Swaps both words if both are as expected. Acquires and releases, and is sequentially consistent with load_ordered and
// with other swaps: a process that has placed a pair, and then looks at others, relies on that. Its failure acquires.
inline bool exchange_pair(Pair* pair, const Pair& expected, const Pair& desired) {
#if defined(__SANITIZE_THREAD__)
  // ThreadSanitizer does not see into assembly. It implements this builtin itself.
  auto word_of = [](const Pair& from) { return static_cast<unsigned __int128>(from.value) << 64 | from.key; };
  unsigned __int128 wanted = word_of(expected);
  return __atomic_compare_exchange_n(reinterpret_cast<unsigned __int128*>(pair), &wanted, word_of(desired), false,
                                     __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
#elif defined(__x86_64__)
  bool isDone;
  uint64_t key = expected.key, value = expected.value;
  __asm__ volatile("lock cmpxchg16b %1"
                   : "=@ccz"(isDone), "+m"(*pair), "+a"(key), "+d"(value)
                   : "b"(desired.key), "c"(desired.value)
                   : "memory");
  return isDone;
#elif defined(__aarch64__)
  // What was read is stored back when it is not as expected: only the store shows that both words are of one moment.
  uint64_t key, value;
  uint32_t hasFailed;
  bool isSame;
  do {
    __asm__ volatile("ldaxp %0, %1, %2" : "=&r"(key), "=&r"(value) : "Q"(*pair) : "memory");
    isSame = key == expected.key && value == expected.value;
    uint64_t nextKey = isSame ? desired.key : key, nextValue = isSame ? desired.value : value;
    __asm__ volatile("stlxp %w0, %2, %3, %1" : "=&r"(hasFailed), "=Q"(*pair) : "r"(nextKey), "r"(nextValue) : "memory");
  } while (hasFailed != 0);
  return isSame;
#else
#error "orbit-node needs a compare-and-swap of 16 bytes: x86-64 or arm64"
#endif
}
#endif

// How often a pair may change while it is loaded before the caller gets what it has: only hostile bytes change so often
// in the time of three loads.
constexpr uint32_t kPairTries = 64;

// The pair as it was at one moment. A pair with another key than before could be loaded half; the value of one key
// changes in one word. Acquire: the first load keeps the others behind it, the second one keeps the third.
inline Pair load_pair(const Pair* pair) {
  Pair seen = {load_acquire(&pair->key), load_acquire(&pair->value)};
  for (uint32_t tries = 0; tries < kPairTries; tries++) {
    uint64_t key = load_acquire(&pair->key);  // partner: exchange_pair
    if (key == seen.key) break;
    seen = {key, load_acquire(&pair->value)};
  }
  return seen;
}

}  // namespace orbit
