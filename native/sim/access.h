// One access to a shared word, or to a pair of them: what a thread is about to do, and what came of it.
#pragma once

#include <stdint.h>

#include "sim/order.h"

namespace sim {

struct Site;

enum class Kind : uint8_t { kNone, kLoad, kStore, kSwap, kPairSwap, kAdd, kOr, kAnd, kAwait };

// The second word of a pair that moves as one. All writes to the words of a pair are swaps of both, so the two words
// have the same writes in the same order.
struct SecondWord {
  const uint64_t* address = nullptr;
  uint64_t operand = 0, desired = 0;
  int word = -1;
};

struct Access {
  Kind kind = Kind::kNone;
  Order order = Order::kRelaxed;
  Order failOrder = Order::kRelaxed;  // of a swap that finds another value
  const uint64_t* address = nullptr;
  uint64_t operand = 0;  // what is stored, added, set, kept; what a swap expects
  uint64_t desired = 0;  // what a swap stores
  SecondWord second;     // of a pair
  const Site* site = nullptr;
  int word = -1;     // of the memory
  int awaited = -1;  // the thread that kAwait waits for
  uint64_t result = 0;
  bool wrote = false;
};

// What the word holds after an access that finds `old` there.
inline uint64_t applied(const Access& access, uint64_t old, bool* wrote) {
  *wrote = true;
  switch (access.kind) {
    case Kind::kStore:
      return access.operand;
    case Kind::kAdd:
      return old + access.operand;
    case Kind::kOr:
      return old | access.operand;
    case Kind::kAnd:
      return old & access.operand;
    case Kind::kSwap:
    case Kind::kPairSwap:  // its first word
      if (old == access.operand) return access.desired;
      break;
    default:
      break;
  }
  *wrote = false;
  return old;
}

inline bool is_swap(Kind kind) { return kind == Kind::kSwap || kind == Kind::kPairSwap; }

// The order of an access that found `old`: a swap that fails has an order of its own.
inline Order order_of(const Access& access, bool wrote) {
  return is_swap(access.kind) && !wrote ? access.failOrder : access.order;
}

}  // namespace sim
