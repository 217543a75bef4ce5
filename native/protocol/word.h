// The words that processes share: loads, stores and copies of 64-bit words, named by what they order.
//
// All shared memory is accessed through these helpers. A comment at each call names its partner: the access of another
// process that it is ordered with.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

// A simulated memory may bring primitives of its own: native/sim/words.h.
#ifdef ORBIT_WORDS
#include ORBIT_WORDS
#endif

namespace orbit {

#ifndef ORBIT_WORDS
inline uint64_t load_relaxed(const uint64_t* word) { return __atomic_load_n(word, __ATOMIC_RELAXED); }
inline uint64_t load_acquire(const uint64_t* word) { return __atomic_load_n(word, __ATOMIC_ACQUIRE); }
inline void store_relaxed(uint64_t* word, uint64_t value) { __atomic_store_n(word, value, __ATOMIC_RELAXED); }
inline void store_release(uint64_t* word, uint64_t value) { __atomic_store_n(word, value, __ATOMIC_RELEASE); }
inline uint64_t add_relaxed(uint64_t* word, uint64_t amount) {
  return __atomic_fetch_add(word, amount, __ATOMIC_RELAXED);
}
// Acquires and releases. It is sequentially consistent with the three below, too: wake.h needs that of a publisher's
// swap.
inline bool exchange_if(uint64_t* word, uint64_t expected, uint64_t desired) {
  return __atomic_compare_exchange_n(word, &expected, desired, false, __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE);
}
inline uint64_t load_ordered(const uint64_t* word) { return __atomic_load_n(word, __ATOMIC_SEQ_CST); }
inline void store_ordered(uint64_t* word, uint64_t value) { __atomic_store_n(word, value, __ATOMIC_SEQ_CST); }
inline void set_bits_ordered(uint64_t* word, uint64_t bits) { __atomic_fetch_or(word, bits, __ATOMIC_SEQ_CST); }
inline void clear_bits(uint64_t* word, uint64_t bits) { __atomic_fetch_and(word, ~bits, __ATOMIC_RELEASE); }

// Tells the processor that this thread spins: 20 to 50 ns on current processors.
inline void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("isb");
#endif
}

// The value of a word that decides nothing: where to look soon.
inline uint64_t peek(const uint64_t* word) { return __atomic_load_n(word, __ATOMIC_RELAXED); }
inline void prefetch(const void* address) { __builtin_prefetch(address); }
#endif

// Long copies are made by one instruction of the processor, which takes 0.4 to 0.9 of the time of a loop. x86 keeps its
// stores behind all earlier stores and before all later ones, so each is as good as a release. It promises no order
// among them, and none is needed. Its loads need a fence behind them. Sanitizers and the simulated memory do not
// understand it, and keep the loop.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define ORBIT_SANITIZED
#endif
#endif
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define ORBIT_SANITIZED
#endif
// Below this length the instruction takes longer to begin than a loop to end.
constexpr size_t kLongWords = 128;

// Copies all words of a long copy, and returns how many it has copied: all or none.
inline size_t copy_long(void* target, const void* source, size_t words) {
#if defined(__x86_64__) && !defined(ORBIT_WORDS) && !defined(ORBIT_SANITIZED)
  if (words >= kLongWords) {
    size_t bytes = words * 8;
    __asm__ volatile("rep movsb" : "+D"(target), "+S"(source), "+c"(bytes) : : "memory");
    return words;
  }
#else
  (void)target, (void)source, (void)words;
#endif
  return 0;
}

// Orders the loads of a long copy before all later ones. x86 promises that of single loads, and says nothing of these.
inline void end_loads() {
#if defined(__x86_64__)
  __asm__ volatile("lfence" : : : "memory");
#endif
}

// Up to 7 bytes as a word that begins with them and ends with zeros. It loads fixed lengths, because a copy of a length
// that only the program knows is a call.
inline uint64_t short_word(const uint8_t* bytes, size_t length) {
  if (length >= 4) {
    uint32_t first, last;
    memcpy(&first, bytes, 4);
    memcpy(&last, bytes + length - 4, 4);
    return first | uint64_t{last} << (length - 4) * 8;
  }
  if (length == 0) return 0;
  size_t middle = length / 2, end = length - 1;
  return bytes[0] | uint64_t{bytes[middle]} << middle * 8 | uint64_t{bytes[end]} << end * 8;
}

// Copies private bytes into shared words. Release on each word: a reader that sees one of them also sees everything
// that this process did before, above all the swap that made the words ours. Partner: the loads of copy_from_shared.
__attribute__((always_inline)) inline void copy_to_shared(uint64_t* target, const void* source, size_t bytes) {
  const uint8_t* from = static_cast<const uint8_t*>(source);
  size_t words = bytes / 8;
#pragma GCC unroll 8
  for (size_t i = copy_long(target, from, words); i < words; i++) {
    uint64_t word;
    memcpy(&word, from + i * 8, 8);
    store_release(target + i, word);
  }
  if (bytes % 8 != 0) store_release(target + words, short_word(from + words * 8, bytes % 8));
}

// Copies shared words into private bytes, which the caller may use only after a validating load. Acquire on each word:
// the validating load comes after all of them. Partner: the stores of copy_to_shared.
inline void copy_from_shared(void* target, const uint64_t* source, size_t bytes) {
  uint8_t* to = static_cast<uint8_t*>(target);
  size_t words = bytes / 8, copied = copy_long(to, source, words);
  if (copied > 0) end_loads();
#pragma GCC unroll 8
  for (size_t i = copied; i < words; i++) {
    uint64_t word = load_acquire(source + i);
    memcpy(to + i * 8, &word, 8);
  }
  if (bytes % 8 != 0) {
    uint64_t word = load_acquire(source + words);
    memcpy(to + words * 8, &word, bytes % 8);
  }
}

}  // namespace orbit
