// The explorer against brute force: random tiny programs, searched in every order of steps, and as the explorer does
// it. Both must find the same executions, and the explorer each of them once.
//   --programs N, --seed N
#include <set>

#include "sim/litmus.h"
#include "test/check.h"

using namespace sim;

namespace {

struct Tally {
  uint64_t programs = 0, executions = 0, bruteRuns = 0, explorerRuns = 0, deadly = 0, paired = 0;
};

uint64_t* words[3];

// Two or three threads of one to four accesses; in every other program none of them is relaxed. In every third program
// the first one may die anywhere, and the last one waits for its end. In every fourth one the first two words are a
// pair, which changes by swaps of both.
class RandomProgram : public Program {
 public:
  explicit RandomProgram(Random* random) {
    threads_.resize(2 + random->below(2));
    wordCount_ = 2 + random->below(2);
    isDeadly_ = random->below(3) == 0;
    isOrdered_ = random->below(2) == 0;
    hasPair_ = random->below(4) == 0;
    uint64_t most = threads_.size() == 2 && !isDeadly_ ? 4 : 3;
    for (auto& thread : threads_) {
      for (uint64_t i = 0, count = 1 + random->below(most); i < count; i++) thread.push_back(random_access(random));
    }
  }

  bool is_deadly() const { return isDeadly_; }
  bool has_pair() const { return hasPair_; }

  void start() override {
    for (size_t i = 0; i < threads_.size(); i++) {
      simulator.spawn(
          "thread", [this, i] { run_thread(i); }, isDeadly_ && i == 0);
    }
  }
  void finish() override { graphs.push_back(simulator.graph()); }
  std::string name_of(const uint64_t*) const override { return "word"; }
  std::string show(const uint64_t*, uint64_t value) const override { return std::to_string(value); }

  std::vector<uint64_t> graphs;  // of the executions

 private:
  Access random_access(Random* random) const {
    constexpr Order kLoads[] = {Order::kRelaxed, Order::kAcquire, Order::kSeqCst};
    constexpr Order kStores[] = {Order::kRelaxed, Order::kRelease, Order::kSeqCst};
    constexpr Order kUpdates[] = {Order::kRelaxed, Order::kAcquire, Order::kRelease, Order::kAcqRel, Order::kSeqCst};
    constexpr Kind kKinds[] = {Kind::kLoad, Kind::kLoad, Kind::kStore, Kind::kStore, Kind::kAdd, Kind::kSwap};
    Access access;
    access.kind = kKinds[random->below(6)];
    access.order = access.kind == Kind::kLoad    ? kLoads[one_of(3, random)]
                   : access.kind == Kind::kStore ? kStores[one_of(3, random)]
                                                 : kUpdates[one_of(5, random)];
    access.failOrder = acquires(access.order) ? Order::kAcquire : Order::kRelaxed;
    access.address = words[random->below(wordCount_)];
    access.operand = random->below(3);
    access.desired = 1 + random->below(3);
    if (access.kind == Kind::kStore || access.kind == Kind::kAdd) access.operand++;
    bool isOfPair = hasPair_ && access.address != words[2] && access.kind != Kind::kLoad;
    if (isOfPair) make_pair_swap(&access, kUpdates[one_of(5, random)], random);
    return access;
  }

  static void make_pair_swap(Access* access, Order order, Random* random) {
    access->kind = Kind::kPairSwap;
    access->order = order;
    access->failOrder = acquires(order) ? Order::kAcquire : Order::kRelaxed;
    access->address = words[0];
    access->second.address = words[1];
    access->second.operand = access->operand = random->below(2) * access->desired;
    access->second.desired = access->desired;
  }

  // Of orders, the first of which is relaxed.
  uint64_t one_of(uint64_t count, Random* random) const {
    return isOrdered_ ? 1 + random->below(count - 1) : random->below(count);
  }

  void run_thread(size_t index) const {
    if (isDeadly_ && index + 1 == threads_.size()) simulator.await_end(0);
    for (const Access& access : threads_[index]) simulator.perform(access);
  }

  std::vector<std::vector<Access>> threads_;
  uint64_t wordCount_;
  bool isDeadly_, isOrdered_, hasPair_;
};

void compare(Random* random, Tally* tally) {
  RandomProgram program(random);
  Brute brute;
  tally->bruteRuns += search(&brute, &program);
  std::set<uint64_t> all(program.graphs.begin(), program.graphs.end());
  program.graphs.clear();
  Explorer explorer;
  tally->explorerRuns += search(&explorer, &program);
  std::set<uint64_t> explored(program.graphs.begin(), program.graphs.end());
  CHECK_EQUAL(explored.size(), program.graphs.size());  // none twice
  CHECK(explored == all);
  tally->programs++;
  tally->executions += all.size();
  tally->deadly += program.is_deadly();
  tally->paired += program.has_pair();
}

}  // namespace

int main(int count, char** options) {
  uint64_t programs = 300, seed = 1;
  for (int i = 1; i + 1 < count; i += 2) {
    if (strcmp(options[i], "--programs") == 0) programs = strtoull(options[i + 1], nullptr, 0);
    if (strcmp(options[i], "--seed") == 0) seed = strtoull(options[i + 1], nullptr, 0);
  }
  simulator.set_up();
  simulator.deathsAllowed = 1;
  for (uint64_t*& word : words) word = static_cast<uint64_t*>(simulator.allocate(8));
  for (bool isCxx20 : {false, true}) {
    simulator.memory.rules.isCxx20 = isCxx20;
    Tally tally;
    for (uint64_t i = 0; i < programs; i++) {
      Random random{seed + i};
      compare(&random, &tally);
    }
    printf(
        "oracle, seq_cst as in %s: %llu random programs (%llu with a death, %llu with a pair), %llu executions; %llu "
        "runs by brute "
        "force, "
        "%llu by the explorer; the same executions, none twice\n",
        isCxx20 ? "C++20" : "RC11", (unsigned long long)tally.programs, (unsigned long long)tally.deadly,
        (unsigned long long)tally.paired, (unsigned long long)tally.executions, (unsigned long long)tally.bruteRuns,
        (unsigned long long)tally.explorerRuns);
  }
}
