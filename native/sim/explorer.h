// The exhaustive search: each execution of a program once. An execution is which read saw which write, the modification
// order of each word, and which thread died where.
//
// Stores are no choice of schedule: with every place in modification order tried, a store commutes with what others do,
//   so a thread that comes to one makes it at once.
// Reads. A read that has been made may have seen any write that was there, so it covers every earlier moment. What is
//   left is to be put off: to wait for writes that are yet to come, and then to see only such.
// That branch opens on evidence only: in the runs below the read another thread wrote the word, by a write that does
//   not follow from the read. Of a swap that succeeded another swap that failed is evidence too: it would have come
//   first.
// Deaths. Before each access of a mortal thread, it lives or dies.
//
// Brute is the same search with none of that: every thread at every step. It is the explorer's oracle, on tiny
//   programs.
#pragma once

#include <vector>

#include "sim/simulator.h"
#include "sim/trail.h"

namespace sim {

class Explorer : public Strategy {
 public:
  Trail trail;
  bool isOldestFirst = false;  // which write a read tries first

  void begin(Simulator* simulator) override;
  void note_resumed(int thread) override;
  Progress advance() override;

 private:
  // A read that was made.
  struct Look {
    size_t node;
    int thread;
    uint16_t number;
    bool wrote;
  };
  struct State {
    bool wasAsked = false;  // whether it dies here
    bool isPutOff = false;
    uint32_t since = 0;  // writes before this one are not for a read that was put off
  };

  bool try_at_once(int thread);
  bool try_read(int thread);
  bool must_ask(int thread) const;
  void mark_races(int thread, bool onlyWriters);

  Simulator* simulator_ = nullptr;
  State states_[kMaxThreads];
  std::vector<std::vector<Look>> looks_;  // by word
  std::vector<uint32_t> places_;
};

class Brute : public Strategy {
 public:
  Trail trail;

  void begin(Simulator* simulator) override;
  Progress advance() override;

 private:
  Simulator* simulator_ = nullptr;
  std::vector<uint32_t> places_;
};

}  // namespace sim
