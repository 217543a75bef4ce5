// Threads over one table: four nodes that claim, renew, release, forget and die on few subjects; two readers.
//
// The test runs in epochs, each a fresh table. Time is a shared counter that the threads push on, so that claims expire
// under their holders; a death is a new incarnation, taken over by the same thread. Every call is put between two ticks
// of a shared counter. At an epoch's end the notes of all are laid side by side, by token:
//   a guard's successor on its subject was granted only after the guard had been released, had expired, or after its
//   holder had begun to die (T2). Expired by the time of day when the successor had been granted: not by the time that
//   it told, for a call on another subject of the bucket, which was told a later one, may have dropped the guard
//   before; of two claims that did not overlap the later has the higher token (T3, and over the whole table); the
//   chunks are a permutation (I1).
// Readers know from a claim's node and count what subject and owner must be: a mixed card cannot pass.
// Each thread has its own Ring or Writer, as each process has. Under ThreadSanitizer build with -fno-builtin-memcpy.
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "check.h"
#include "protocol/settle.h"
#include "protocol/table.h"

using namespace orbit;

namespace {

constexpr uint32_t kNodes = 4;
constexpr uint32_t kReaders = 2;
constexpr uint64_t kNever = ~uint64_t{0};
#ifdef __SANITIZE_THREAD__
constexpr uint32_t kCallsPerEpoch = 1500;
constexpr int kTickOrder = __ATOMIC_RELAXED;  // or the ticks would order what the table must
#else
constexpr uint32_t kCallsPerEpoch = 20000;
constexpr int kTickOrder = __ATOMIC_SEQ_CST;
#endif

struct Shape {
  uint32_t capacity, subjects;
};
constexpr Shape kShapes[] = {{1, 1}, {1, 3}, {2, 5}, {1, 40}, {1024, 4}};

struct Grant {
  uint64_t token;
  uint32_t subject;
  uint64_t began, ended;       // ticks around the claim
  uint64_t endedMs;            // time behind the claim
  uint64_t expiresAtMs;        // as granted, or as last renewed
  uint64_t renewBegan = 0;     // of the last renewal that was told to have worked
  uint64_t endBegan = kNever;  // tick before its release or its holder's death
};

struct Epoch {
  uint64_t seed = 0;
  Shape shape = {};
  void* base = nullptr;
  uint64_t bytes = 0;
  uint64_t ticks = 0;
  uint64_t nowMs = 1;
  uint64_t incarnations[kNodes] = {1, 1, 1, 1};
  uint64_t nodesDone = 0;
  std::vector<Grant> grants[kNodes];
  uint64_t hands[kNodes] = {};
  uint64_t seen[kReaders] = {};

  Ring attach() const {
    Ring ring;
    CHECK(attach_table(base, bytes, &ring) == AttachStatus::kOk);
    return ring;
  }
  uint64_t tick() { return __atomic_fetch_add(&ticks, 1, kTickOrder); }
  bool lives(uint32_t node, uint64_t incarnation) const { return load_acquire(&incarnations[node]) == incarnation; }
  bool over() const { return load_acquire(&nodesDone) == kNodes; }
};

// ---- what follows from a node and its count ------------------------------------------------------------------------

std::string label_of(uint32_t subject) { return std::string(subject * 7 % 30, 's') + std::to_string(subject); }

// It contains the subject, so that a reader knows which one belongs to the owner that it saw.
std::string owner_of(const Epoch& epoch, uint32_t node, uint64_t count, uint32_t subject) {
  Random source{epoch.seed ^ (uint64_t{node} + 1) << 56 ^ count * 0x9e3779b97f4a7c15 ^ uint64_t{subject} << 40};
  std::string owner(source.below(30), '\0');
  for (char& each : owner) each = static_cast<char>(source.next());
  return owner;
}

void check_whole(const Epoch& epoch, const Claim& claim) {
  CHECK(claim.node < kNodes);
  CHECK(claim.subjectKind < epoch.shape.subjects);
  std::string label = label_of(claim.subjectKind),
              owner = owner_of(epoch, claim.node, claim.claimedAtMs, claim.subjectKind);
  CHECK_EQUAL(claim.subjectBytes, label.size());
  CHECK_EQUAL(claim.ownerBytes, owner.size());
  CHECK(memcmp(claim.subject, label.data(), label.size()) == 0);
  CHECK(memcmp(claim.owner, owner.data(), owner.size()) == 0);
}

// ---- a node --------------------------------------------------------------------------------------------------------

class Node {
 public:
  Node(Epoch* epoch, uint32_t node) : epoch_(epoch), node_(node), random_{epoch->seed * 31 + node} { take(); }

  void run() {
    for (uint32_t call = 0; call < kCallsPerEpoch; call++) {
      uint64_t what = random_.below(64);
      if (what < 2) __atomic_fetch_add(&epoch_->nowMs, 1, kTickOrder);
      if (what == 2) die();
      if (what == 3) held_.clear();  // forgets its guards: they must expire
      if (what == 4) std::this_thread::yield();
      if (held_.empty() || what < 24) {
        claim();
      } else if (what < 40) {
        renew();
      } else {
        release();
      }
    }
    epoch_->hands[node_] = writer_.hand;
    __atomic_fetch_add(&epoch_->nodesDone, 1, __ATOMIC_RELEASE);
  }

 private:
  uint64_t now() const { return __atomic_load_n(&epoch_->nowMs, kTickOrder); }
  std::vector<Grant>& grants() { return epoch_->grants[node_]; }

  void take() {
    CHECK(become_writer(epoch_->attach(), node_, &writer_) == RingStatus::kOk);
    incarnation_ = load_acquire(&epoch_->incarnations[node_]);
  }
  void die() {
    uint64_t tick = epoch_->tick();
    for (size_t index : held_) grants()[index].endBegan = tick;
    for (size_t index : forgotten_) grants()[index].endBegan = std::min(grants()[index].endBegan, tick);
    held_.clear();
    forgotten_.clear();
    store_release(&epoch_->incarnations[node_], incarnation_ + 1);
    take();
  }

  void claim() {
    uint32_t subject = static_cast<uint32_t>(random_.below(epoch_->shape.subjects));
    std::string label = label_of(subject), owner = owner_of(*epoch_, node_, ++count_, subject);
    Request request = {{label.data(), static_cast<uint32_t>(label.size()), static_cast<uint8_t>(subject)},
                       owner.data(),
                       static_cast<uint32_t>(owner.size()),
                       incarnation_,
                       now(),
                       count_,
                       1 + random_.below(200)};
    Claim claim;
    uint64_t stamp, began = epoch_->tick();
    auto lives = [this](uint32_t node, uint64_t incarnation) { return epoch_->lives(node, incarnation); };
    TableStatus status = claim_subject(&writer_, request, lives, &claim, &stamp);
    uint64_t ended = epoch_->tick();
    if (status == TableStatus::kYield) return check_whole(*epoch_, claim);
    if (status == TableStatus::kFull && epoch_->shape.subjects > 8) return;
    CHECK_EQUAL(status, TableStatus::kDone);
    check_whole(*epoch_, claim);
    CHECK(claim.node == node_ && claim.claimedAtMs == count_ && claim.subjectKind == subject);
    held_.push_back(grants().size());
    forgotten_.push_back(grants().size());
    grants().push_back({claim.token, subject, began, ended, now(), claim.expiresAtMs});
  }

  // One of the held; it stays held.
  Grant* any(size_t* at) {
    *at = random_.below(held_.size());
    return &grants()[held_[*at]];
  }
  void renew() {
    size_t at;
    Grant* grant = any(&at);
    std::string label = label_of(grant->subject);
    uint64_t nowMs = now(), expiresAtMs = nowMs + 1 + random_.below(200), began = epoch_->tick();
    TableStatus status = renew_claim(&writer_, subject(label, *grant), grant->token, expiresAtMs, nowMs);
    if (status == TableStatus::kDone) {
      CHECK(grant->expiresAtMs > nowMs);
      grant->expiresAtMs = expiresAtMs;
      grant->renewBegan = began;
    } else {
      CHECK_EQUAL(status, TableStatus::kNone);
      CHECK(grant->expiresAtMs <= now());  // nothing else may have ended it
      held_.erase(held_.begin() + static_cast<long>(at));
    }
  }
  void release() {
    size_t at;
    Grant* grant = any(&at);
    std::string label = label_of(grant->subject);
    uint64_t nowMs = now(), began = epoch_->tick();
    TableStatus status = release_claim(&writer_, subject(label, *grant), grant->token, nowMs);
    if (status == TableStatus::kDone) {
      CHECK(grant->expiresAtMs > nowMs);
      grant->endBegan = began;
    } else {
      CHECK_EQUAL(status, TableStatus::kNone);
      CHECK(grant->expiresAtMs <= now());
    }
    held_.erase(held_.begin() + static_cast<long>(at));
  }
  static Subject subject(const std::string& label, const Grant& grant) {
    return {label.data(), static_cast<uint32_t>(label.size()), static_cast<uint8_t>(grant.subject)};
  }

  Epoch* epoch_;
  uint32_t node_;
  Random random_;
  Writer writer_;
  uint64_t incarnation_ = 0, count_ = 0;
  std::vector<size_t> held_;       // guards that it would still use
  std::vector<size_t> forgotten_;  // all of this incarnation
};

// ---- readers -------------------------------------------------------------------------------------------------------

void read_all(Epoch* epoch, uint64_t* seen) {
  Ring ring = epoch->attach();
  uint64_t newest[256] = {};  // token by subject
  while (!epoch->over()) {
    std::set<uint32_t> subjects;
    auto allAlive = [](uint32_t, uint64_t) { return true; };
    uint64_t nowMs = __atomic_load_n(&epoch->nowMs, kTickOrder);
    TableStatus status = for_each_claim(ring, nowMs, allAlive, [&](const Claim& claim) {
      check_whole(*epoch, claim);
      CHECK(subjects.insert(claim.subjectKind).second);  // T1
      CHECK(claim.token >= newest[claim.subjectKind]);
      newest[claim.subjectKind] = claim.token;
      ++*seen;
    });
    CHECK_EQUAL(status, TableStatus::kDone);
  }
}

void read_one(Epoch* epoch, uint64_t* seen) {
  Ring ring = epoch->attach();
  Random random{epoch->seed + 99};
  while (!epoch->over()) {
    uint32_t subject = static_cast<uint32_t>(random.below(epoch->shape.subjects));
    std::string label = label_of(subject);
    auto lives = [epoch](uint32_t node, uint64_t incarnation) { return epoch->lives(node, incarnation); };
    Claim claim;
    uint64_t stamp, nowMs = __atomic_load_n(&epoch->nowMs, kTickOrder);
    Subject wanted = {label.data(), static_cast<uint32_t>(label.size()), static_cast<uint8_t>(subject)};
    TableStatus status = find_holder(ring, wanted, nowMs, lives, &claim, &stamp);
    if (status == TableStatus::kNone) continue;
    CHECK_EQUAL(status, TableStatus::kDone);
    CHECK_EQUAL(claim.subjectKind, subject);
    CHECK(claim.expiresAtMs > nowMs);
    check_whole(*epoch, claim);
    ++*seen;
  }
}

// ---- the notes -----------------------------------------------------------------------------------------------------

uint64_t check_notes(const Epoch& epoch) {
  std::vector<Grant> grants;
  for (const std::vector<Grant>& some : epoch.grants) grants.insert(grants.end(), some.begin(), some.end());
  std::sort(grants.begin(), grants.end(), [](const Grant& a, const Grant& b) { return a.token < b.token; });
  std::map<uint32_t, const Grant*> last;
  uint64_t latestBegan = 0, latestToken = 0;
  for (const Grant& grant : grants) {
    CHECK(grant.token > latestToken);
    latestToken = grant.token;
    CHECK(grant.ended > latestBegan);  // did not end before one with a lower token began
    latestBegan = std::max(latestBegan, grant.began);
    const Grant*& before = last[grant.subject];
    if (before != nullptr) {
      CHECK(before->expiresAtMs <= grant.endedMs || before->endBegan < grant.ended);
      CHECK(before->renewBegan < grant.ended);
    }
    before = &grant;
  }
  CHECK(epoch.attach().header->tokens >= latestToken);
  return grants.size();
}

void check_permutation(const Epoch& epoch) {
  Ring ring = epoch.attach();
  std::vector<uint32_t> places(ring.chunkCount);
  auto count = [&](uint64_t chunk) {
    CHECK(chunk < ring.chunkCount);
    places[chunk]++;
  };
  for (uint32_t i = 0; i <= ring.mask; i++) count(chunk_in(ring.slots[i]));
  for (uint32_t node = 0; node < kNodes; node++) {
    CHECK_EQUAL(ring.entries[node].intentPosition, 0);
    CHECK_EQUAL(ring.entries[node].hand, epoch.hands[node]);
    count(ring.entries[node].hand);
  }
  for (uint32_t i = 0; i < ring.spareCount; i++) count(ring.spares[i]);
  for (uint32_t times : places) CHECK_EQUAL(times, 1);
}

struct Totals {
  uint64_t epochs = 0, grants = 0, seen = 0;
};

void run_epoch(uint64_t seed, const Shape& shape, Totals* totals) {
  RingSpec spec;
  spec.typeKind = 222;
  spec.capacity = shape.capacity;
  spec.payloadBytes = shape.subjects > 8 ? kCardBytes / 4 : kCardBytes;  // many subjects: full buckets too
  spec.fleetSize = kNodes;
  Epoch epoch;
  epoch.seed = seed;
  epoch.shape = shape;
  epoch.bytes = ring_bytes(spec);
  epoch.base = aligned_alloc(64, epoch.bytes);
  memset(epoch.base, 0, epoch.bytes);
  format_table(epoch.base, spec, 0);
  std::vector<std::thread> threads;
  threads.emplace_back(read_all, &epoch, &epoch.seen[0]);
  threads.emplace_back(read_one, &epoch, &epoch.seen[1]);
  for (uint32_t node = 0; node < kNodes; node++) threads.emplace_back([&epoch, node] { Node(&epoch, node).run(); });
  for (std::thread& thread : threads) thread.join();
  totals->grants += check_notes(epoch);
  totals->seen += epoch.seen[0] + epoch.seen[1];
  totals->epochs++;
  check_permutation(epoch);
  free(epoch.base);
}

}  // namespace

int main(int count, char** words) {
  Options options = parse_options(count, words);
  alarm(static_cast<unsigned>(options.seconds) + 60);  // a watchdog: by I5 no process waits
  double end = seconds_now() + options.seconds;
  Totals totals;
  do {
    uint64_t seed = options.seed + totals.epochs;  // begins with another shape each time: not all fit into a short run
    run_epoch(seed, kShapes[seed % (sizeof kShapes / sizeof kShapes[0])], &totals);
  } while (seconds_now() < end);
  printf("threads_table_test: %llu epochs, %llu guards, %llu whole claims read\n",
         static_cast<unsigned long long>(totals.epochs), static_cast<unsigned long long>(totals.grants),
         static_cast<unsigned long long>(totals.seen));
  CHECK(totals.grants > 0 && totals.seen > 0);
  return 0;
}
