// Tiny programs over three words, for the tests of the simulator itself.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sim/explorer.h"
#include "sim/simulator.h"

namespace sim {

using Body = std::function<void()>;

// One access of a tiny program.
inline uint64_t access(Kind kind, uint64_t* word, Order order, uint64_t operand = 0, uint64_t desired = 0) {
  Access access;
  access.kind = kind;
  access.order = order;
  access.failOrder = acquires(order) ? Order::kAcquire : Order::kRelaxed;
  access.address = word;
  access.operand = operand;
  access.desired = desired;
  return simulator.perform(access).result;
}
struct Both {
  uint64_t first, second;
};
// Swaps two words as a pair.
inline bool swap_pair(uint64_t* first, uint64_t* second, Both expected, Both desired, Order order) {
  Access access;
  access.kind = Kind::kPairSwap;
  access.order = order;
  access.failOrder = acquires(order) ? Order::kAcquire : Order::kRelaxed;
  access.address = first;
  access.second.address = second;
  access.operand = expected.first;
  access.second.operand = expected.second;
  access.desired = desired.first;
  access.second.desired = desired.second;
  return simulator.perform(access).wrote;
}
inline uint64_t load(uint64_t* word, Order order) { return access(Kind::kLoad, word, order); }
inline void store(uint64_t* word, uint64_t value, Order order) { access(Kind::kStore, word, order, value); }
inline uint64_t add(uint64_t* word, uint64_t amount, Order order) { return access(Kind::kAdd, word, order, amount); }

// Threads that are given as functions.
class Tiny : public Program {
 public:
  std::vector<Body> bodies;
  std::function<void()> atEnd;

  void start() override {
    for (const Body& body : bodies) simulator.spawn("thread", body);
  }
  void finish() override { atEnd(); }
  std::string name_of(const uint64_t*) const override { return "word"; }
  std::string show(const uint64_t*, uint64_t value) const override { return std::to_string(value); }
};

// Runs the program in every way that the strategy knows, and says how many runs that were.
template <typename Search>
uint64_t search(Search* strategy, Program* program) {
  uint64_t runs = 0;
  do {
    simulator.run(strategy, program);
    runs++;
  } while (strategy->trail.next());
  return runs;
}

}  // namespace sim
