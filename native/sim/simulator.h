// The simulator: threads as fibers over the simulated memory. Every access is a step; which step is next, which write a
// load sees, where a store is put and who dies is a strategy's choice (explorer.h, weather.h).
//
// A run begins from the arena as set-up left it: set-up touches it directly, through the same headers. When all threads
// have ended, accesses see the newest write of each word.
#pragma once

#include <stdarg.h>
#include <stdint.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sim/access.h"
#include "sim/fiber.h"
#include "sim/memory.h"

namespace sim {

struct Thread {
  const char* name = "";
  std::function<void()> body;
  Fiber fiber;
  Access next;  // what it does when it goes on
  bool isDone = false, isDead = false, isMortal = false;
  Knowledge knows;
  // Memory that it may write with plain stores, and what was known of it: see Simulator::watch.
  uint64_t* plain = nullptr;
  std::vector<uint64_t> plainBefore;

  bool has_ended() const { return isDone || isDead; }
};

enum class Progress { kStep, kEnded, kBlocked };
enum class Outcome { kComplete, kBlocked, kFailed, kCut };

class Simulator;

// Chooses. One per search.
class Strategy {
 public:
  virtual ~Strategy() = default;
  virtual void begin(Simulator* simulator) = 0;
  virtual void note_resumed(int) {}  // the thread has come to its next access
  virtual Progress advance() = 0;
};

// What a program is to the simulator.
class Program {
 public:
  virtual ~Program() = default;
  virtual void start() = 0;   // spawns the threads
  virtual void finish() = 0;  // all have ended: what must hold
  virtual std::string name_of(const uint64_t* address) const = 0;
  virtual std::string show(const uint64_t* address, uint64_t value) const = 0;
};

class Simulator {
 public:
  Memory memory;
  int deathsAllowed = 0;     // in one run
  uint32_t maxSteps = 4000;  // a longer run is cut
  bool isTraced = false;

  Simulator();
  // Empties the arena. Until the next run accesses touch it directly.
  void set_up();
  void* allocate(size_t bytes);  // shared, zeroed, a line each

  Outcome run(Strategy* strategy, Program* program);

  // For programs.
  int spawn(const char* name, std::function<void()> body, bool isMortal = false);
  // The calling thread waits for the end, natural or not, of another, and then knows all that it did.
  void await_end(int thread);
  // Whether a thread is dead now; if it is, the calling thread knows all that it did. This is no step: for random runs
  // only.
  bool sees_dead(int thread);
  // The calling thread writes these words with plain stores, which other threads may see in any order.
  void watch(uint64_t* words, size_t count);
  Access perform(Access access);
  [[gnu::format(printf, 2, 3)]] void fail(const char* format, ...);
  const std::string& failure() const { return failure_; }
  Thread& current() { return *threads_[current_]; }
  bool is_running() const { return phase_ == Phase::kRun; }

  // For strategies.
  int thread_count() const { return threadCount_; }
  Thread& thread(int index) { return *threads_[index]; }
  // Writes the threads that can take a step, those that wait for no living thread, and returns how many. With none,
  // `progress` says why: all have ended, or all that have not are blocked.
  int ready_threads(int* ready, Progress* progress);
  int deaths_left() const { return deathsAllowed - deaths_; }
  bool any_dead() const { return deaths_ > 0; }
  uint32_t step() const { return step_; }
  void store(int thread, uint32_t place);
  void read(int thread, uint32_t place);
  void end_wait(int thread);
  void die(int thread);

  // The run's graph, deaths included: the same for the same execution.
  uint64_t graph() const;

  uint64_t steps = 0;  // of all runs

 private:
  static constexpr size_t kArenaWords = 1 << 15;
  enum class Phase { kSetUp, kRun, kFinish };

  static void run_fiber();
  void resume(int thread);
  void make_step(Access access);
  void name_words(Access* access);
  void flush_plain();
  void trace(const Thread& thread, const char* verb, uint64_t value, const Write* seen) const;
  Progress run_steps(Strategy* strategy);

  alignas(64) uint64_t arena_[kArenaWords] = {};
  size_t allocated_ = 0;
  std::vector<std::unique_ptr<Thread>> threads_;
  int threadCount_ = 0, current_ = -1;
  Phase phase_ = Phase::kSetUp;
  Strategy* strategy_ = nullptr;
  Program* program_ = nullptr;
  uint32_t step_ = 0;
  int deaths_ = 0;
  bool hasFailed_ = false;
  std::string failure_;
};

// The one that the words of protocol/ belong to.
extern Simulator simulator;

// Plain data that a guard protects: two accesses that happened-before does not order are a failure.
class Guarded {
 public:
  void reset() { *this = Guarded(); }
  void write();

 private:
  int writer_ = -1;
  uint16_t number_ = 0;
};

}  // namespace sim

#define SIM_CHECK(condition) \
  ((condition) ? (void)0 : ::sim::simulator.fail("%s:%d: %s", __FILE__, __LINE__, #condition))
