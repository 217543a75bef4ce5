// The random search: one run from one seed. Uniform choices find little; what finds faults is kept up for a while:
//   threads have priorities, and a few times in a run one of them changes (PCT);
//   a thread reads newest writes, oldest writes or any, for a spell;
//   a store now and then takes a place behind newer ones; a mortal thread dies now and then.
#pragma once

#include <vector>

#include "sim/simulator.h"
#include "test/check.h"

namespace sim {

struct WeatherOptions {
  double deathChance = 0.002;  // before an access of a mortal thread
  int changes = 6;             // of priorities in a run
  uint32_t changesWithin = 400;
};

class Weather : public Strategy {
 public:
  WeatherOptions options;
  uint64_t seed = 1;

  void begin(Simulator* simulator) override {
    simulator_ = simulator;
    random_.state = seed;
    changes_.clear();
    for (int i = 0; i < options.changes; i++) changes_.push_back(random_.below(options.changesWithin));
    for (State& state : states_) {
      state.priority = 1000 + random_.below(1000);
      state.mood = random_.below(100) < 30 ? Mood::kOldest : Mood::kNewest;
    }
  }

  Progress advance() override {
    int ready[kMaxThreads];
    Progress progress;
    int count = simulator_->ready_threads(ready, &progress);
    if (count == 0) return progress;
    take_step(picked(ready, count));
    return Progress::kStep;
  }

 private:
  enum class Mood { kNewest, kOldest, kAny };
  struct State {
    uint64_t priority = 0;
    Mood mood = Mood::kNewest;
  };

  bool has_luck(double chance) { return static_cast<double>(random_.below(1 << 24)) < chance * (1 << 24); }

  int picked(const int* ready, int count) {
    int best = ready[0];
    for (int i = 1; i < count; i++) {
      if (states_[ready[i]].priority > states_[best].priority) best = ready[i];
    }
    for (uint64_t change : changes_) {
      if (change == simulator_->step()) states_[best].priority = random_.below(1000);
    }
    // A loop that waits for others must let them go on.
    return has_luck(0.02) ? ready[random_.below(static_cast<uint64_t>(count))] : best;
  }

  void take_step(int index) {
    Thread& thread = simulator_->thread(index);
    if (thread.next.kind == Kind::kAwait) return simulator_->end_wait(index);
    if (thread.isMortal && simulator_->deaths_left() > 0 && has_luck(options.deathChance))
      return simulator_->die(index);
    if (thread.next.kind == Kind::kStore) {
      simulator_->memory.list_places(thread.knows, thread.next, &places_);
      bool isMoved = places_.size() > 1 && has_luck(0.06);
      simulator_->store(index, places_[isMoved ? random_.below(places_.size()) : 0]);
    } else {
      simulator_->memory.list_readable(thread.knows, thread.next, 0, &places_);
      simulator_->read(index, places_[read_choice(&states_[index])]);
    }
  }

  size_t read_choice(State* state) {
    if (places_.size() == 1) return 0;
    if (has_luck(0.06)) state->mood = static_cast<Mood>(random_.below(3));
    if (state->mood == Mood::kNewest) return 0;
    return state->mood == Mood::kOldest ? places_.size() - 1 : random_.below(places_.size());
  }

  Simulator* simulator_ = nullptr;
  Random random_{1};
  State states_[kMaxThreads];
  std::vector<uint64_t> changes_;
  std::vector<uint32_t> places_;
};

}  // namespace sim
