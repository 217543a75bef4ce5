// A child process that makes one call under ptrace, an instruction at a time.
//
// Words in a shared mapping tell where the call begins and ends, so that no register is read and nothing depends on the
// processor.
#pragma once

#include <sched.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include <vector>

#include "check.h"
#include "protocol/word.h"

namespace orbit {

constexpr uint64_t kMostSteps = 100000;  // a longer call never ends
constexpr unsigned kWatchdogSeconds = 300;

struct Progress {
  uint64_t inside;  // 1 from just before the call
  uint64_t done;    // 1 from just after it
  uint64_t result;  // what the call gave
};

inline void* shared_memory(uint64_t bytes) {
  void* base = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(base != MAP_FAILED);
  return base;
}

// Runs `call` in a child that stops just before it.
template <typename Call>
pid_t start(Progress* progress, Call call) {
  store_release(&progress->inside, 0);
  store_release(&progress->done, 0);
  pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    CHECK_EQUAL(ptrace(PTRACE_TRACEME, 0, nullptr, nullptr), 0);
    kill(getpid(), SIGSTOP);
    store_release(&progress->inside, 1);
    call();
    store_release(&progress->done, 1);
    _exit(0);
  }
  int status;
  CHECK_EQUAL(waitpid(pid, &status, 0), pid);
  CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
  return pid;
}

inline void step(pid_t pid) {
  int status;
  CHECK_EQUAL(ptrace(PTRACE_SINGLESTEP, pid, nullptr, nullptr), 0);
  CHECK_EQUAL(waitpid(pid, &status, 0), pid);
  CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP);
}

template <typename Reached>
uint64_t step_until(pid_t pid, Reached reached) {
  uint64_t steps = 0;
  for (; !reached(); steps++) {
    CHECK(steps < kMostSteps);
    step(pid);
  }
  return steps;
}

// To the instruction `count` of the call, or to its end. False: the end. `watch` sees the memory after each step.
template <typename Watch>
bool step_into(pid_t pid, const Progress* progress, uint64_t count, Watch watch) {
  step_until(pid, [&] { return load_acquire(&progress->inside) != 0; });
  CHECK(count < kMostSteps);
  for (uint64_t i = 0; i < count && load_acquire(&progress->done) == 0; i++) {
    step(pid);
    watch();
  }
  return load_acquire(&progress->done) == 0;
}

inline void kill_child(pid_t pid) {
  int status;
  CHECK_EQUAL(kill(pid, SIGKILL), 0);
  CHECK_EQUAL(waitpid(pid, &status, 0), pid);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

// Steps a child that `start` has stopped through its call, and kills it. Returns the instructions after which the
// shared bytes are not what they were before, 0 first, and the end of the call last. `act` runs after each step, before
// the bytes are compared.
template <typename Act>
std::vector<uint64_t> instructions_that_write(pid_t child, const Progress* progress, const void* base, uint64_t bytes,
                                              Act act) {
  const uint8_t* shared = static_cast<const uint8_t*>(base);
  std::vector<uint8_t> last(shared, shared + bytes);
  std::vector<uint64_t> found = {0};
  uint64_t count = 0;
  step_into(child, progress, kMostSteps - 1, [&] {
    act();
    count++;
    if (memcmp(last.data(), shared, bytes) == 0) return;
    memcpy(last.data(), shared, bytes);
    found.push_back(count);
  });
  kill_child(child);
  if (found.back() != count) found.push_back(count);
  return found;
}

// Where a call of so many instructions is stopped: at each `stride`th, at those of `writes`, and at its end.
inline std::vector<uint64_t> points_of(uint64_t instructions, uint64_t stride, const std::vector<uint64_t>& writes) {
  std::vector<uint64_t> points;
  for (uint64_t at = 0; at < instructions; at += stride) points.push_back(at);
  for (uint64_t at : writes) {
    if (at % stride != 0 || at >= instructions) points.push_back(at);
  }
  return points;
}

inline void finish_child(pid_t pid) {
  int status;
  CHECK_EQUAL(waitpid(pid, &status, 0), pid);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

// Parent and child take turns: on one processor a step costs a switch, on two it costs a wake-up.
inline void stay_on_one_processor() {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<size_t>(sched_getcpu()), &one);
  sched_setaffinity(0, sizeof one, &one);  // refused: only slower
}

// A sandbox may forbid ptrace.
inline bool can_trace() {
  pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) _exit(ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0 ? 0 : 1);
  int status;
  CHECK_EQUAL(waitpid(pid, &status, 0), pid);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

// A load-exclusive and store-exclusive pair never succeeds when it is stepped: the trap clears the reservation.
inline bool can_step_a_swap() {
#if defined(__aarch64__)
  constexpr unsigned long kAtomics = 1 << 8;  // HWCAP_ATOMICS
  return (getauxval(AT_HWCAP) & kAtomics) != 0;
#else
  return true;
#endif
}

// Says why not; then main returns the exit code.
inline bool can_step(const char* title) {
  if (can_step_a_swap() && can_trace()) return true;
  printf("%s: skipped, %s\n", title, can_step_a_swap() ? "ptrace is forbidden here" : "no single-copy swap");
  return false;
}
inline int skipped() { return getenv("CI") != nullptr ? 1 : 0; }

}  // namespace orbit
