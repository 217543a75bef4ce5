#include "sim/explorer.h"

#include <algorithm>

namespace sim {

void Explorer::begin(Simulator* simulator) {
  simulator_ = simulator;
  trail.begin_run();
  for (State& state : states_) state = State();
  for (auto& looks : looks_) looks.clear();
}

void Explorer::note_resumed(int thread) { states_[thread] = State(); }

Progress Explorer::advance() {
  bool haveAllEnded = true;
  for (int i = 0; i < simulator_->thread_count(); i++) {
    if (simulator_->thread(i).has_ended()) continue;
    haveAllEnded = false;
    if (try_at_once(i)) return Progress::kStep;
  }
  if (haveAllEnded) return Progress::kEnded;
  for (int i = 0; i < simulator_->thread_count(); i++) {
    if (!simulator_->thread(i).has_ended() && try_read(i)) return Progress::kStep;
  }
  return Progress::kBlocked;
}

bool Explorer::must_ask(int index) const {
  const Thread& thread = simulator_->thread(index);
  return thread.isMortal && !states_[index].wasAsked && simulator_->deaths_left() > 0;
}

// What is no matter of when: a death, a store, the end of a wait.
bool Explorer::try_at_once(int index) {
  const Access& next = simulator_->thread(index).next;
  if (next.kind == Kind::kAwait) {
    if (!simulator_->thread(next.awaited).has_ended()) return false;
    simulator_->end_wait(index);
    return true;
  }
  if (must_ask(index)) {
    states_[index].wasAsked = true;
    if (trail.choose(2) == 1) simulator_->die(index);
    return true;
  }
  if (next.kind != Kind::kStore) return false;
  mark_races(index, false);
  simulator_->memory.list_places(simulator_->thread(index).knows, next, &places_);
  int choice = places_.size() > 1 ? trail.choose(static_cast<int>(places_.size())) : 0;
  simulator_->store(index, places_[static_cast<size_t>(choice)]);
  return true;
}

bool Explorer::try_read(int index) {
  Thread& thread = simulator_->thread(index);
  Memory& memory = simulator_->memory;
  State& state = states_[index];
  Access& next = thread.next;
  if (next.kind == Kind::kAwait) return false;
  if (state.isPutOff && memory.last_born(next.word) < state.since) return false;
  memory.list_readable(thread.knows, next, state.since, &places_);
  if (places_.empty()) {  // of what is new nothing is for this read, and never will be
    state.since = memory.born();
    return false;
  }
  if (isOldestFirst) std::reverse(places_.begin(), places_.end());
  size_t node = trail.depth();
  int choice = trail.choose_read(static_cast<int>(places_.size()));
  if (choice == static_cast<int>(places_.size())) {
    state.isPutOff = true;
    state.since = memory.born();
    return true;
  }
  uint32_t place = places_[static_cast<size_t>(choice)];
  bool wrote = memory.would_write(next, place);
  if (wrote || is_swap(next.kind)) mark_races(index, !wrote);
  uint16_t number = static_cast<uint16_t>(thread.knows.events + 1);
  for (int word : {next.word, next.second.word}) {
    if (word < 0) continue;
    size_t at = static_cast<size_t>(word);
    if (looks_.size() <= at) looks_.resize(at + 1);
    looks_[at].push_back({node, index, number, wrote});
  }
  simulator_->read(index, place);
  return true;
}

// The thread is about to write a word or a pair, or to fail to: reads of it that this does not follow from might have
// come later.
void Explorer::mark_races(int index, bool onlyWriters) {
  const Thread& thread = simulator_->thread(index);
  for (int word : {thread.next.word, thread.next.second.word}) {
    if (word < 0 || static_cast<size_t>(word) >= looks_.size()) continue;
    for (const Look& look : looks_[static_cast<size_t>(word)]) {
      if (look.thread == index || (onlyWriters && !look.wrote)) continue;
      if (thread.knows.causal.at[look.thread] < look.number) trail.mark(look.node);
    }
  }
}

void Brute::begin(Simulator* simulator) {
  simulator_ = simulator;
  trail.begin_run();
}

Progress Brute::advance() {
  int ready[kMaxThreads];
  Progress progress;
  int count = simulator_->ready_threads(ready, &progress);
  if (count == 0) return progress;
  int index = ready[trail.choose(count)];
  Thread& thread = simulator_->thread(index);
  if (thread.next.kind == Kind::kAwait) {
    simulator_->end_wait(index);
    return Progress::kStep;
  }
  if (thread.isMortal && simulator_->deaths_left() > 0 && trail.choose(2) == 1) {
    simulator_->die(index);
    return Progress::kStep;
  }
  bool isStore = thread.next.kind == Kind::kStore;
  if (isStore) {
    simulator_->memory.list_places(thread.knows, thread.next, &places_);
  } else {
    simulator_->memory.list_readable(thread.knows, thread.next, 0, &places_);
  }
  uint32_t place = places_[static_cast<size_t>(trail.choose(static_cast<int>(places_.size())))];
  if (isStore) {
    simulator_->store(index, place);
  } else {
    simulator_->read(index, place);
  }
  return Progress::kStep;
}

}  // namespace sim
