// The orders that C++ gives an atomic access.
#pragma once

#include <stdint.h>

#include <vector>

namespace sim {

enum class Order : uint8_t { kRelaxed, kAcquire, kRelease, kAcqRel, kSeqCst };

inline bool acquires(Order order) {
  return order == Order::kAcquire || order == Order::kAcqRel || order == Order::kSeqCst;
}
inline bool releases(Order order) {
  return order == Order::kRelease || order == Order::kAcqRel || order == Order::kSeqCst;
}

inline const char* name_of(Order order) {
  constexpr const char* kNames[] = {"relaxed", "acquire", "release", "acq_rel", "seq_cst"};
  return kNames[static_cast<int>(order)];
}

// What a load, a store or a read-modify-write of this order may be weakened to, strongest first.
inline std::vector<Order> weaker_loads(Order order) {
  if (order == Order::kSeqCst) return {Order::kAcquire, Order::kRelaxed};
  if (order == Order::kAcquire) return {Order::kRelaxed};
  return {};
}
inline std::vector<Order> weaker_stores(Order order) {
  if (order == Order::kSeqCst) return {Order::kRelease, Order::kRelaxed};
  if (order == Order::kRelease) return {Order::kRelaxed};
  return {};
}
inline std::vector<Order> weaker_updates(Order order) {
  switch (order) {
    case Order::kSeqCst:
      return {Order::kAcqRel, Order::kRelease, Order::kAcquire, Order::kRelaxed};
    case Order::kAcqRel:
      return {Order::kRelease, Order::kAcquire, Order::kRelaxed};
    case Order::kAcquire:
    case Order::kRelease:
      return {Order::kRelaxed};
    default:
      return {};
  }
}

}  // namespace sim
