// One access to a shared word: what a thread is about to do, and what came of it.
#pragma once

#include <stdint.h>

#include "sim/order.h"

namespace sim {

struct Site;

enum class Kind : uint8_t { kNone, kLoad, kStore, kSwap, kAdd, kOr, kAnd, kAwait };

struct Access {
  Kind kind = Kind::kNone;
  Order order = Order::kRelaxed;
  Order failOrder = Order::kRelaxed;  // of a swap that finds another value
  const uint64_t* address = nullptr;
  uint64_t operand = 0;  // what is stored, added, set, kept; what a swap expects
  uint64_t desired = 0;  // what a swap stores
  const Site* site = nullptr;
  int word = -1;     // of the memory
  int awaited = -1;  // the thread that kAwait waits for
  uint64_t result = 0;
  bool wrote = false;
};

inline bool is_write(Kind kind) { return kind >= Kind::kStore && kind <= Kind::kAnd; }

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
      if (old == access.operand) return access.desired;
      break;
    default:
      break;
  }
  *wrote = false;
  return old;
}

// The order of an access that found `old`: a swap that fails has an order of its own.
inline Order order_of(const Access& access, bool wrote) {
  return access.kind == Kind::kSwap && !wrote ? access.failOrder : access.order;
}

}  // namespace sim
