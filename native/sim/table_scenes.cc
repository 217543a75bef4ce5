// Claims, releases, deaths and waits in a table: table.h.
#include <string.h>

#include "protocol/table.h"
#include "sim/ringscene.h"

using namespace orbit;

namespace sim {
namespace {

constexpr uint64_t kContested = 0x1122334455667788;  // the subject that claimants contest

class TableScene : public RingScene {
 public:
  explicit TableScene(Numbers* numbers) : RingScene(numbers), preset_(numbers->count("preset", 0)) {}

 protected:
  // Claims that are there at the start, of the last node: subjects 77, 78 ...
  void prepare() override {
    for (uint32_t i = 0; i < preset_; i++) {
      SIM_CHECK(claim(nodes - 1, 77 + i, 1, nullptr, nullptr) == TableStatus::kDone);
    }
  }

  TableStatus claim(uint32_t node, uint64_t subject, uint64_t incarnation, Claim* claim, uint64_t* stamp,
                    uint64_t deadIncarnation = 0) {
    Request request = {};
    request.subject = subject_of(&subject);
    request.incarnation = incarnation;
    request.nowMs = 10;
    request.unixMs = 5;
    request.ttlMs = 100;
    Claim ownClaim;
    uint64_t ownStamp;
    auto isAlive = [&](uint32_t holder, uint64_t held) { return holder != 0 || held != deadIncarnation; };
    return claim_subject(&state.writers[node], request, isAlive, claim == nullptr ? &ownClaim : claim,
                         stamp == nullptr ? &ownStamp : stamp);
  }

  static Subject subject_of(const uint64_t* subject) { return {subject, sizeof *subject, 1}; }

  const uint32_t preset_;
};

// Claimants of one subject. The one that has it touches guarded data; it may release it. Others may claim other
// subjects in the same bucket, and a looker looks at one that is there from the start.
class Claiming : public TableScene {
 public:
  explicit Claiming(Numbers* numbers)
      : TableScene(numbers),
        claimants_(numbers->count("claimants", 2)),
        releases_{numbers->take("release0", 1) != 0, numbers->take("release1", 0) != 0,
                  numbers->take("release2", 0) != 0},
        others_(numbers->count("others", 0)),
        renews_(numbers->take("renew", 0) != 0),
        hasLooker_(numbers->take("looker", 0) != 0) {}

  void start_threads() override {
    constexpr const char* kNames[] = {"claimant0", "claimant1", "claimant2"};
    guarded_.reset();
    for (Result& result : results_) result = Result();
    for (uint32_t node = 0; node < claimants_; node++) simulator.spawn(kNames[node], [this, node] { contest(node); });
    if (others_ > 0) simulator.spawn("other", [this] { claim_others(); });
    if (hasLooker_) simulator.spawn("looker", [this] { look(); });
  }

  void finish() override {
    check_chunks();
    check_hands();
    uint32_t holding = 0;
    for (uint32_t i = 0; i < claimants_; i++) holding += results_[i].has && !results_[i].released;
    SIM_CHECK(holding <= 1);  // T2
    for (uint32_t i = 0; i < claimants_; i++) {
      for (uint32_t j = 0; j < i; j++) SIM_CHECK(!results_[i].has || results_[i].token != results_[j].token);
    }
  }

 private:
  struct Result {
    bool has = false, released = false;
    uint64_t token = 0;
  };

  void contest(uint32_t node) {
    Claim found;
    uint64_t stamp;
    TableStatus status = claim(node, kContested, 1, &found, &stamp);
    SIM_CHECK(status == TableStatus::kDone || status == TableStatus::kYield);
    SIM_CHECK(found.token >= 1 && found.node < nodes && found.claimedAtMs == 5);
    SIM_CHECK(found.expiresAtMs == 110 || (renews_ && found.expiresAtMs == 120));
    SIM_CHECK(memcmp(found.subject, &kContested, sizeof kContested) == 0);
    if (status != TableStatus::kDone) return;
    Result& result = results_[node];
    result.has = true;
    result.token = found.token;
    guarded_.write();
    Subject subject = subject_of(&kContested);
    Writer* writer = &state.writers[node];
    if (renews_) SIM_CHECK(renew_claim(writer, subject, found.token, 120, 11) == TableStatus::kDone);
    if (!releases_[node]) return;
    SIM_CHECK(release_claim(writer, subject, found.token, 11) == TableStatus::kDone);
    result.released = true;
  }

  void claim_others() {
    for (uint32_t i = 0; i < others_; i++) {
      SIM_CHECK(claim(nodes - 1, 900 + i, 1, nullptr, nullptr) == TableStatus::kDone);
    }
  }

  void look() {
    uint64_t subject = preset_ > 0 ? 77 : kContested, stamp;
    Claim found;
    auto isAlive = [](uint32_t, uint64_t) { return true; };
    TableStatus status = find_holder(ring, subject_of(&subject), 12, isAlive, &found, &stamp);
    SIM_CHECK(status == TableStatus::kDone || (status == TableStatus::kNone && preset_ == 0));
    if (status != TableStatus::kDone) return;
    SIM_CHECK(found.node < nodes && found.token >= 1 && found.token <= 4);
    SIM_CHECK(found.expiresAtMs == 110 || (renews_ && found.expiresAtMs == 120));
    SIM_CHECK(memcmp(found.subject, &subject, sizeof subject) == 0);
  }

  const uint32_t claimants_;
  const bool releases_[3];
  const uint32_t others_;
  const bool renews_, hasLooker_;
  Guarded guarded_;
  Result results_[3];
};
const Registered claiming("table", make_scene<Claiming>);

// A claimant dies anywhere in a claim and a release. Others claim in the same bucket; an heir settles, and may claim.
class TableDeath : public TableScene {
 public:
  explicit TableDeath(Numbers* numbers)
      : TableScene(numbers), others_(numbers->count("b", 1)), heirClaims_(numbers->take("heir", 0) != 0) {}

  void start_threads() override {
    int victim = simulator.spawn(
        "victim", [this] { claim_and_release(); }, true);
    simulator.spawn("other", [this] {
      for (uint32_t i = 0; i < others_; i++) claim_or_yield(1, 500 + i, 1);
    });
    if (nodes > 2) simulator.spawn("other2", [this] { claim_or_yield(2, 600, 1); });
    simulator.spawn("heir", [this, victim] {
      simulator.await_end(victim);
      Writer writer;
      SIM_CHECK(become_writer(ring, 0, &writer) == RingStatus::kOk);
      state.writers[0] = writer;
      if (heirClaims_) claim_or_yield(0, 700, 2);
    });
  }

  void finish() override {
    check_chunks();
    check_hands();
  }

 private:
  void claim_and_release() {
    Claim found;
    uint64_t stamp;
    if (claim(0, kContested, 1, &found, &stamp) != TableStatus::kDone) return;
    SIM_CHECK(release_claim(&state.writers[0], subject_of(&kContested), found.token, 11) == TableStatus::kDone);
  }
  // The victim's incarnation is over once the heir has its lease; before that it may be taken for alive.
  void claim_or_yield(uint32_t node, uint64_t subject, uint64_t incarnation) {
    TableStatus status = claim(node, subject, incarnation, nullptr, nullptr, incarnation == 2 ? 1 : 0);
    SIM_CHECK(status == TableStatus::kDone || status == TableStatus::kFull);
  }

  const uint32_t others_;
  const bool heirClaims_;
};
const Registered tableDeath("table-death", make_scene<TableDeath>);

// The one that yields arms, asks whether the bucket has changed, and sleeps; the holder releases and wakes it.
class TableWait : public TableScene {
 public:
  explicit TableWait(Numbers* numbers) : TableScene(numbers) {}

  void start_threads() override {
    isAsleep_ = false;
    simulator.spawn("holder", [this] { release(); });
    simulator.spawn("waiter", [this] { wait(); });
  }
  void finish() override {
    check_chunks();
    check_hands();
    bool isLostWake = isAsleep_ && bell.signals() == 0;
    SIM_CHECK(!isLostWake);
  }

 private:
  void prepare() override { SIM_CHECK(claim(0, kContested, 1, nullptr, nullptr) == TableStatus::kDone); }

  void release() {
    SIM_CHECK(release_claim(&state.writers[0], subject_of(&kContested), 1, 11) == TableStatus::kDone);
    if (has_sleepers(ring)) wake_sleepers(ring, [&](uint32_t) { bell.signal(); });
  }
  void wait() {
    uint64_t stamp;
    if (claim(1, kContested, 1, nullptr, &stamp) != TableStatus::kYield) return;
    arm(ring, 1);
    isAsleep_ = !has_changed(ring, bucket_of(ring, subject_of(&kContested)), stamp);
  }

  bool isAsleep_ = false;
};
const Registered tableWait("table-wait", make_scene<TableWait>);

}  // namespace
}  // namespace sim
