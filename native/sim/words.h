// The primitives of protocol/word.h as steps of the simulated memory. word.h includes this file in place of its own
// when ORBIT_WORDS names it; the rest of word.h, and every header above it, is compiled as it ships.
#pragma once

#include <stdint.h>

#include "sim/simulator.h"
#include "sim/site.h"

namespace sim {

inline Access perform_at(Site& site, const uint64_t* word, uint64_t operand = 0, uint64_t desired = 0) {
  site.hits++;
  Access access;
  access.kind = site.kind;
  access.order = site.order;
  access.failOrder = acquires(site.order) ? Order::kAcquire : Order::kRelaxed;
  access.address = word;
  access.operand = operand;
  access.desired = desired;
  access.site = &site;
  return simulator.perform(access);
}

// Of a pair: orbit::Pair of wide.h, which includes this file through word.h.
template <typename Pair>
bool swap_pair_at(Site& site, const Pair* pair, const Pair& expected, const Pair& desired) {
  site.hits++;
  Access access;
  access.kind = site.kind;
  access.order = site.order;
  access.failOrder = acquires(site.order) ? Order::kAcquire : Order::kRelaxed;
  access.address = &pair->key;
  access.operand = expected.key;
  access.desired = desired.key;
  access.second.address = &pair->value;
  access.second.operand = expected.value;
  access.second.desired = desired.value;
  access.site = &site;
  return simulator.perform(access).wrote;
}

}  // namespace sim

#define SIM_SITE(primitive, arguments)                                                   \
  ({                                                                                     \
    static ::sim::Site& site = ::sim::site_at(__FILE__, __LINE__, primitive, arguments); \
    &site;                                                                               \
  })
#define SIM_LOAD(primitive, arguments, word) ::sim::perform_at(*SIM_SITE(primitive, arguments), (word)).result

#define load_relaxed(word) SIM_LOAD("load_relaxed", #word, word)
#define load_acquire(word) SIM_LOAD("load_acquire", #word, word)
#define load_ordered(word) SIM_LOAD("load_ordered", #word, word)
#define SIM_UPDATE(primitive, arguments, word, ...) \
  ::sim::perform_at(*SIM_SITE(primitive, arguments), (word), __VA_ARGS__)
#define store_relaxed(word, value) (void)SIM_UPDATE("store_relaxed", #word ", " #value, word, value)
#define store_release(word, value) (void)SIM_UPDATE("store_release", #word ", " #value, word, value)
#define store_ordered(word, value) (void)SIM_UPDATE("store_ordered", #word ", " #value, word, value)
#define add_relaxed(word, amount) SIM_UPDATE("add_relaxed", #word ", " #amount, word, amount).result
#define set_bits_ordered(word, bits) (void)SIM_UPDATE("set_bits_ordered", #word ", " #bits, word, bits)
#define clear_bits(word, bits) (void)SIM_UPDATE("clear_bits", #word ", " #bits, word, ~(bits))
#define exchange_if(word, expected, desired) \
  SIM_UPDATE("exchange_if", #word ", " #expected ", " #desired, word, expected, desired).wrote
#define exchange_pair(pair, expected, desired) \
  ::sim::swap_pair_at(*SIM_SITE("exchange_pair", #pair ", " #expected ", " #desired), pair, expected, desired)
#define relax() ((void)0)
#define peek(word) ((void)(word), uint64_t{0})
#define prefetch(address) ((void)(address))
