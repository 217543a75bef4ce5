// Sequential consistency as a graph: the seq_cst accesses of one execution, and which must come before which.
//
// An access may be made only where no cycle closes. The edges are those of RC11's psc without fences:
//   program order; program order, happens-before, program order (through another event on either side); happens-before
//   at one word; modification order; from-read.
// C++20 orders accesses to one word through what they read as well ([atomics.order] 4, coherence-ordered before): a
//   read comes after the write that it sees, and after the reads that saw older ones.
// RC11 leaves out the second kind of edge where the events between are at the same word; C++20 does not, nor does this.
#pragma once

#include <stdio.h>
#include <stdlib.h>

#include <vector>

#include "sim/clock.h"

namespace sim {

class ScGraph {
 public:
  // What an access does to one word. The stamps are places in the word's modification order; 0: it does not read, does
  // not write.
  struct Touch {
    int word = -1;
    uint32_t readStamp = 0, writeStamp = 0;
  };
  // An access to a word, or to both words of a pair at once.
  struct Event {
    int thread;
    uint16_t number;
    Touch touches[2];
  };

  void clear() {
    events_.clear();
    after_.clear();
  }

  // Does the event close no cycle? `before` is what its thread knew to have happened, `now` what it knows with the
  // event.
  bool admits(const Event& event, const Clock& before, const Clock& now, bool isCxx20) const {
    Bits in, out;
    edges(event, before, now, isCxx20, &in, &out);
    return !in.meets(out);
  }

  void add(const Event& event, const Clock& before, const Clock& now, bool isCxx20) {
    size_t id = events_.size();
    if (id == kMaxEvents) {
      fprintf(stderr, "sim: more than %zu seq_cst accesses in one execution\n", kMaxEvents);
      abort();
    }
    Bits in, out;
    edges(event, before, now, isCxx20, &in, &out);
    Bits self = out;
    self.set(id);
    for (size_t i = 0; i < id; i++) {
      if (in.has(i) || after_[i].meets(in)) after_[i].add(self);
    }
    events_.push_back(event);
    after_.push_back(out);
  }

 private:
  static constexpr size_t kMaxEvents = 256;

  struct Bits {
    uint64_t words[kMaxEvents / 64] = {};
    void set(size_t i) { words[i / 64] |= uint64_t{1} << (i % 64); }
    bool has(size_t i) const { return (words[i / 64] >> (i % 64) & 1) != 0; }
    bool meets(const Bits& other) const {
      uint64_t common = 0;
      for (size_t i = 0; i < kMaxEvents / 64; i++) common |= words[i] & other.words[i];
      return common != 0;
    }
    void add(const Bits& other) {
      for (size_t i = 0; i < kMaxEvents / 64; i++) words[i] |= other.words[i];
    }
  };

  // in: the events that must come before. out: those that must come after, with all that follow them.
  void edges(const Event& event, const Clock& before, const Clock& now, bool isCxx20, Bits* in, Bits* out) const {
    for (size_t i = 0; i < events_.size(); i++) {
      const Event& other = events_[i];
      bool isSameWord = meet_at_a_word(other, event);
      bool isKnown = other.thread == event.thread || before.at[other.thread] > other.number ||
                     (isSameWord && now.at[other.thread] >= other.number);
      if (isKnown || comes_before(other, event, isCxx20)) in->set(i);
      if (comes_before(event, other, isCxx20)) {
        out->set(i);
        out->add(after_[i]);
      }
    }
  }

  static bool meet_at_a_word(const Event& one, const Event& other) {
    for (const Touch& touch : one.touches) {
      for (const Touch& met : other.touches) {
        if (touch.word >= 0 && touch.word == met.word) return true;
      }
    }
    return false;
  }

  static bool comes_before(const Event& first, const Event& second, bool isCxx20) {
    for (const Touch& touch : first.touches) {
      for (const Touch& met : second.touches) {
        if (touch.word >= 0 && touch.word == met.word && comes_before(touch, met, isCxx20)) return true;
      }
    }
    return false;
  }

  // At one word: modification order and from-read; in C++20 also what reads add to them.
  static bool comes_before(const Touch& first, const Touch& second, bool isCxx20) {
    uint32_t wrote = first.writeStamp, read = first.readStamp;
    if (second.writeStamp != 0) {
      if (wrote != 0 && wrote < second.writeStamp) return true;
      if (read != 0 && read < second.writeStamp) return true;
    }
    if (!isCxx20 || second.readStamp == 0) return false;
    return (wrote != 0 && wrote <= second.readStamp) || (read != 0 && read < second.readStamp);
  }

  std::vector<Event> events_;
  std::vector<Bits> after_;
};

}  // namespace sim
