// Deaths anywhere while a frame is published, and the heirs that settle what they left: settle.h.
#include "sim/ringscene.h"

using namespace orbit;

namespace sim {
namespace {

// A victim publishes, others publish beside it, an heir settles the victim's node, and perhaps publishes too. The heir
// may die as well; then a second heir settles.
class Death : public RingScene {
 public:
  explicit Death(Numbers* numbers)
      : RingScene(numbers),
        victim_(numbers->count("victim", 1)),
        other_(numbers->count("b", 1)),
        heir_(numbers->count("heir", 0)),
        hasSecondHeir_(numbers->take("heir2", 0) != 0),
        readAt_(numbers->take("read", -1)) {}

  void start_threads() override {
    int victim = simulator.spawn(
        "victim", [this] { publish(0, victim_); }, true);
    simulator.spawn("other", [this] { publish(1, other_); });
    if (nodes > 2) simulator.spawn("other2", [this] { publish(2, 1); });
    int heir = simulator.spawn(
        "heir", [this, victim] { inherit(victim, heir_); }, hasSecondHeir_);
    if (hasSecondHeir_) simulator.spawn("heir2", [this, heir] { inherit_from_dead(heir); });
    if (readAt_ >= 0) simulator.spawn("reader", [this] { read(); });
  }

  void finish() override {
    check_chunks();
    uint64_t head = head_of(ring), least = before + other_ + (nodes > 2 ? 1 : 0);
    SIM_CHECK(head >= least && head <= least + victim_ + heir_);
    uint64_t payload[kMaxPayloadWords];
    Frame frame;
    SIM_CHECK(read_newest(ring, &frame, payload) == RingStatus::kOk);
    check_frame(frame, payload);
  }

 private:
  void inherit(int predecessor, uint32_t publishes) {
    simulator.await_end(predecessor);
    Writer writer;
    SIM_CHECK(become_writer(ring, 0, &writer) == RingStatus::kOk);
    state.writers[0] = writer;
    state.published[0] = 10;  // frames that can be told from the victim's
    publish(0, publishes);
  }
  void inherit_from_dead(int heir) {
    simulator.await_end(heir);
    if (simulator.thread(heir).isDead) inherit(heir, 0);
  }

  void read() {
    uint64_t payload[kMaxPayloadWords];
    Frame frame;
    RingStatus status = read_frame(ring, static_cast<uint64_t>(readAt_), &frame, payload);
    SIM_CHECK(status != RingStatus::kCorrupt);
    if (status == RingStatus::kOk) check_frame(frame, payload);
  }

  const uint32_t victim_, other_, heir_;
  const bool hasSecondHeir_;
  const int readAt_;
};
const Registered death("death", make_scene<Death>);

// All have left or died. The next one audits, and may die in the middle of it; then another one does. A reader, which
// is no member, goes on beside them.
class Audit : public RingScene {
 public:
  explicit Audit(Numbers* numbers)
      : RingScene(numbers), other_(numbers->count("b", 1)), hasReader_(numbers->take("reader", 0) != 0) {}

  void start_threads() override {
    int victim = simulator.spawn(
        "victim", [this] { publish(0, 1); }, true);
    int other = simulator.spawn(
        "other", [this] { publish(1, other_); }, true);
    int auditor = simulator.spawn(
        "auditor",
        [this, victim, other] {
          simulator.await_end(victim);
          simulator.await_end(other);
          audit_and_go_on();
        },
        true);
    simulator.spawn("auditor2", [this, auditor] {
      simulator.await_end(auditor);
      if (simulator.thread(auditor).isDead) audit_and_go_on();
    });
    if (hasReader_) simulator.spawn("reader", [this] { read(); });
  }

  void finish() override {
    check_chunks();
    check_hands();
    check_spares();
  }

 private:
  // Every node is settled after the audit, and can publish.
  void audit_and_go_on() {
    uint64_t marks[audit_mark_words(64)] = {};
    SIM_CHECK(audit(ring, marks) == RingStatus::kOk);
    for (uint32_t node = 0; node < nodes; node++) {
      Writer writer;
      SIM_CHECK(become_writer(ring, node, &writer) == RingStatus::kOk);
      state.writers[node] = writer;
    }
    state.published[0] = 10;
    publish_one(0);
  }

  // I1, spares included: none is taken, none is burned.
  void check_spares() const {
    uint64_t chunks = 0;
    for (uint32_t i = 0; i <= ring.mask; i++) chunks |= uint64_t{1} << chunk_in(load_acquire(&ring.slots[i]));
    for (uint32_t node = 0; node < nodes; node++) chunks |= uint64_t{1} << state.writers[node].hand;
    for (uint32_t i = 0; i < ring.spareCount; i++) chunks |= uint64_t{1} << load_acquire(&ring.spares[i]);
    SIM_CHECK(chunks == (uint64_t{1} << ring.chunkCount) - 1);
    SIM_CHECK(load_relaxed(&ring.header->sparesTaken) == 0 && load_relaxed(&ring.header->burned) == 0);
  }

  void read() {
    uint64_t payload[kMaxPayloadWords];
    Frame frame;
    RingStatus status = read_frame(ring, 0, &frame, payload);
    SIM_CHECK(status != RingStatus::kCorrupt);
    if (status == RingStatus::kOk) check_frame(frame, payload);
  }

  const uint32_t other_;
  const bool hasReader_;
};
const Registered audit_scene("audit", make_scene<Audit>);

}  // namespace
}  // namespace sim
