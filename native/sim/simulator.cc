#include "sim/simulator.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/site.h"

namespace sim {

Simulator simulator;

namespace {
// Plain stores of a watched object, as a trace names them.
const Site kPlainSite = Site::unlisted("plain store");
}  // namespace

Simulator::Simulator() { memory.map(arena_, kArenaWords); }

void Simulator::set_up() {
  memset(arena_, 0, sizeof arena_);
  allocated_ = 0;
  memory.reset();
  for (auto& thread : threads_) memset(thread->knows.view, 0, sizeof thread->knows.view);
  phase_ = Phase::kSetUp;
  threadCount_ = 0;
}

void* Simulator::allocate(size_t bytes) {
  void* words = &arena_[allocated_];
  allocated_ += (bytes + 63) / 64 * 8;
  if (allocated_ > kArenaWords) {
    fprintf(stderr, "sim: the arena is too small\n");
    abort();
  }
  return words;
}

// ---- threads -------------------------------------------------------------------------------------------------------

int Simulator::spawn(const char* name, std::function<void()> body, bool isMortal) {
  if (threadCount_ == kMaxThreads) {
    fprintf(stderr, "sim: more than %d threads\n", kMaxThreads);
    abort();
  }
  if (static_cast<size_t>(threadCount_) == threads_.size()) threads_.push_back(std::make_unique<Thread>());
  Thread& thread = *threads_[threadCount_];
  thread.name = name;
  thread.body = std::move(body);
  thread.isDone = thread.isDead = false;
  thread.isMortal = isMortal;
  thread.plain = nullptr;
  thread.knows.thread = threadCount_;
  thread.knows.events = 0;
  thread.knows.causal = thread.knows.happened = Clock();
  memset(thread.knows.view, 0, memory.word_count() * sizeof *thread.knows.view);
  thread.fiber.reset(run_fiber);
  return threadCount_++;
}

void Simulator::run_fiber() {
  Thread& thread = simulator.current();
  thread.body();
  simulator.flush_plain();
  thread.isDone = true;
  thread.next = Access();
  thread.fiber.leave();
  abort();
}

void Simulator::resume(int thread) {
  current_ = thread;
  threads_[thread]->fiber.enter();
  strategy_->note_resumed(thread);
}

void Simulator::await_end(int thread) {
  Access wait;
  wait.kind = Kind::kAwait;
  wait.awaited = thread;
  make_step(wait);
}

bool Simulator::sees_dead(int thread) {
  if (!threads_[thread]->isDead) return false;
  memory.learn(&current().knows, threads_[thread]->knows);
  return true;
}

void Simulator::watch(uint64_t* words, size_t count) {
  for (size_t i = 0; i < count; i++) memory.word_at(words + i);
  current().plain = words;
  current().plainBefore.assign(words, words + count);
}

void Simulator::fail(const char* format, ...) {
  char text[400];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  if (!hasFailed_) failure_ = text;
  hasFailed_ = true;
  if (phase_ == Phase::kSetUp) {
    fprintf(stderr, "sim: set-up failed: %s\n", text);
    abort();
  }
  if (phase_ == Phase::kRun && current_ >= 0) current().fiber.leave();
}

// ---- accesses ------------------------------------------------------------------------------------------------------

void Simulator::make_step(Access access) {
  Thread& thread = current();
  thread.next = access;
  thread.fiber.leave();
}

// What the thread stored plainly since its last access becomes relaxed stores.
void Simulator::flush_plain() {
  Thread& thread = current();
  if (thread.plain == nullptr) return;
  for (size_t i = 0; i < thread.plainBefore.size(); i++) {
    if (thread.plain[i] == thread.plainBefore[i]) continue;
    thread.plainBefore[i] = thread.plain[i];
    Access store;
    store.kind = Kind::kStore;
    store.address = &thread.plain[i];
    store.operand = thread.plain[i];
    store.site = &kPlainSite;
    store.word = memory.word_at(store.address);
    make_step(store);
  }
}

Access Simulator::perform(Access access) {
  if (phase_ == Phase::kRun) {
    flush_plain();
    name_words(&access);
    make_step(access);
    return current().next;
  }
  if (phase_ == Phase::kFinish) {
    name_words(&access);
    memory.touch_newest(&access);
    return access;
  }
  uint64_t* word = const_cast<uint64_t*>(access.address);
  access.result = *word;
  uint64_t value = applied(access, access.result, &access.wrote);
  uint64_t* second = const_cast<uint64_t*>(access.second.address);
  if (second != nullptr) access.wrote = access.wrote && *second == access.second.operand;
  if (access.wrote) *word = value;
  if (access.wrote && second != nullptr) *second = access.second.desired;
  return access;
}

void Simulator::name_words(Access* access) {
  access->word = memory.word_at(access->address);
  if (access->second.address != nullptr) access->second.word = memory.word_at(access->second.address);
}

// ---- steps of strategies -------------------------------------------------------------------------------------------

void Simulator::store(int index, uint32_t place) {
  Thread& thread = *threads_[index];
  bool isLast = place > 0 && memory.is_newest(thread.next.word, place - 1);
  memory.store(&thread.knows, thread.next, place, step_);
  if (isTraced) trace(thread, isLast ? "store" : "store, behind a newer one", thread.next.operand, nullptr);
  resume(index);
}

void Simulator::read(int index, uint32_t place) {
  Thread& thread = *threads_[index];
  Access& access = thread.next;
  memory.read(&thread.knows, &access, place, step_);
  if (isTraced) {
    bool wrote = access.wrote, isSwap = is_swap(access.kind);
    uint64_t value = isSwap ? access.desired : applied(access, access.result, &wrote);
    const char* verb = access.kind == Kind::kLoad ? "load" : isSwap ? "swap" : "update";
    const Write* seen = wrote || memory.is_newest(access.word, place) ? nullptr : &memory.write_at(access.word, place);
    trace(thread, isSwap && !wrote ? "no swap" : verb, wrote ? value : access.result, seen);
  }
  resume(index);
}

void Simulator::end_wait(int index) {
  Thread& thread = *threads_[index];
  memory.learn(&thread.knows, threads_[thread.next.awaited]->knows);
  memory.count_event(&thread.knows);
  resume(index);
}

void Simulator::die(int index) {
  Thread& thread = *threads_[index];
  thread.isDead = true;
  deaths_++;
  if (!isTraced) return;
  const Site* site = thread.next.site;
  printf("  %4u %-10s KILLED before %s\n", step_, thread.name, site == nullptr ? "its end" : site->where().c_str());
}

// ---- runs ----------------------------------------------------------------------------------------------------------

Outcome Simulator::run(Strategy* strategy, Program* program) {
  strategy_ = strategy;
  program_ = program;
  step_ = 0;
  deaths_ = 0;
  threadCount_ = 0;
  hasFailed_ = false;
  failure_.clear();
  phase_ = Phase::kRun;
  current_ = -1;
  program->start();
  memory.begin_run();
  strategy->begin(this);
  for (int i = 0; i < threadCount_ && !hasFailed_; i++) resume(i);
  Progress progress = run_steps(strategy);
  current_ = -1;
  phase_ = Phase::kFinish;
  if (hasFailed_) return Outcome::kFailed;
  if (progress == Progress::kStep) return Outcome::kCut;
  if (progress == Progress::kBlocked) return Outcome::kBlocked;
  program->finish();
  return hasFailed_ ? Outcome::kFailed : Outcome::kComplete;
}

Progress Simulator::run_steps(Strategy* strategy) {
  Progress progress = Progress::kStep;
  while (!hasFailed_ && progress == Progress::kStep && step_ < maxSteps) {
    step_++;
    steps++;
    progress = strategy->advance();
  }
  return progress;
}

uint64_t Simulator::graph() const {
  uint64_t sum = memory.graph();
  for (int i = 0; i < threadCount_; i++) {
    if (threads_[i]->isDead) sum += (static_cast<uint64_t>(i) << 20 | threads_[i]->knows.events) * 0xd6e8feb86659fd93;
  }
  return sum;
}

// One line a step. `seen`: the write that a load saw, when it is not the newest.
void Simulator::trace(const Thread& thread, const char* verb, uint64_t value, const Write* seen) const {
  const Access& access = thread.next;
  const uint64_t* at = access.address;
  printf("  %4u %-10s %-7s %-22s %-24s %-8s", step_, thread.name, verb, program_->name_of(at).c_str(),
         program_->show(at, value).c_str(), name_of(access.order));
  if (access.site != nullptr) printf(" %s", access.site->where().c_str());
  if (seen != nullptr) {
    const Write& newest = memory.newest(access.word);
    printf("   OLD: of step %u, not of step %u (%s)", seen->step, newest.step,
           program_->show(at, newest.value).c_str());
  }
  if (access.site != nullptr && access.site->isWeakened) printf("   <- weakened");
  printf("\n");
}

void Guarded::write() {
  Thread& thread = simulator.current();
  if (writer_ >= 0 && thread.knows.happened.at[writer_] < number_) {
    simulator.fail("data race: %s writes guarded data that %s wrote", thread.name, simulator.thread(writer_).name);
  }
  simulator.memory.count_event(&thread.knows);
  writer_ = thread.knows.thread;
  number_ = thread.knows.events;
}

int Simulator::ready_threads(int* ready, Progress* progress) {
  int count = 0;
  *progress = Progress::kEnded;
  for (int i = 0; i < threadCount_; i++) {
    const Thread& each = thread(i);
    if (each.has_ended()) continue;
    *progress = Progress::kBlocked;
    bool waits = each.next.kind == Kind::kAwait && !thread(each.next.awaited).has_ended();
    if (!waits) ready[count++] = i;
  }
  return count;
}

}  // namespace sim
