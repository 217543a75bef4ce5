// The newest value of a node: latest.h. A reader gets one whole value, and never an older one than it has had.
#include <string.h>

#include "protocol/latest.h"
#include "sim/scene.h"

using namespace orbit;

namespace sim {
namespace {

class Latest : public Scene {
 public:
  explicit Latest(Numbers* numbers)
      : Scene(numbers),
        values_(numbers->count("values", 3)),
        nextValues_(numbers->count("next", 0)),
        reads_(numbers->count("reads", 1)) {}

  void set_up() override {
    RingSpec spec;
    spec.capacity = 1;
    spec.payloadBytes = 8;
    spec.fleetSize = 1;
    spec.fingerprint = 1;
    void* base = simulator.allocate(ring_bytes(spec));
    format_ring(base, spec, 0);
    SIM_CHECK(attach_ring(base, ring_bytes(spec), &writer_.ring) == AttachStatus::kOk);
  }

  // The owner notes values and may die anywhere; then the next owner of the node does.
  void start() override {
    bool isMortal = nextValues_ > 0;
    int owner = simulator.spawn(
        "owner", [this] { note(1, values_); }, isMortal);
    if (isMortal) {
      simulator.spawn("next", [this, owner] {
        simulator.await_end(owner);
        note(2, nextValues_);
      });
    }
    simulator.spawn("reader", [this] {
      uint64_t last = 0;
      for (uint32_t i = 0; i < reads_; i++) last = read(last);
    });
  }
  void finish() override {}

  std::string name_of(const uint64_t* address) const override {
    return "ring+" + std::to_string((address - reinterpret_cast<const uint64_t*>(writer_.ring.header)) * 8);
  }
  std::string show(const uint64_t*, uint64_t value) const override { return std::to_string(value); }

 private:
  void note(uint64_t incarnation, uint32_t times) const {
    for (uint64_t i = 1; i <= times; i++) {
      uint64_t name = incarnation * 100 + i;
      note_latest(writer_, incarnation, name, &name, sizeof name);
    }
  }

  uint64_t read(uint64_t last) const {
    LatestHeader header = {};
    uint64_t value = 0;
    RingStatus status = read_latest(writer_.ring, 0, &header, &value);
    if (status == RingStatus::kNotYet && last == 0) return 0;
    SIM_CHECK(status == RingStatus::kOk && header.length == sizeof value);
    SIM_CHECK(value == header.position && value / 100 == header.incarnation && value >= last);
    return value;
  }

  const uint32_t values_, nextValues_, reads_;
  Writer writer_;
};
const Registered latest("latest", make_scene<Latest>);

}  // namespace
}  // namespace sim
