// A creator that formats an object with plain stores, and a process that attaches beside it: what it attaches to is
// whole. The creator may die anywhere.
#include <string.h>

#include "sim/ringscene.h"

using namespace orbit;

namespace sim {
namespace {

class Attaching : public RingScene {
 public:
  explicit Attaching(Numbers* numbers) : RingScene(numbers) {}

  void prepare() override {
    spec_ = ring.spec;
    spec_.fingerprint = 0x5555;
    spec_.fleetId = 0x6666;
    strcpy(spec_.typeName, "created");
    object_ = static_cast<uint64_t*>(simulator.allocate(ring_bytes(spec_)));
  }

  void start_threads() override {
    memset(object_, 0, ring_bytes(spec_));
    simulator.spawn(
        "creator",
        [this] {
          simulator.watch(object_, ring_bytes(spec_) / 8);
          format_ring(object_, spec_, 3);
        },
        true);
    simulator.spawn("attacher", [this] { attach(); });
  }
  void finish() override {}

  std::string name_of(const uint64_t* address) const override {
    return "object+" + std::to_string((address - object_) * 8);
  }

 private:
  void attach() {
    Ring attached;
    AttachStatus status = attach_ring(object_, ring_bytes(spec_), &attached);
    SIM_CHECK(status == AttachStatus::kOk || status == AttachStatus::kUnfinished);
    if (status != AttachStatus::kOk) return;
    SIM_CHECK(attached.spec.fingerprint == spec_.fingerprint && attached.spec.fleetId == spec_.fleetId);
    SIM_CHECK(attached.spec.typeKind == kTypeKind && attached.spec.capacity == capacity);
    // attach_ring copies the name with memcpy; seen as words it must be whole as well.
    uint64_t name[kTypeNameBytes / 8];
    for (uint32_t i = 0; i < kTypeNameBytes / 8; i++) {
      name[i] = load_relaxed(reinterpret_cast<const uint64_t*>(attached.header->typeName) + i);
    }
    SIM_CHECK(memcmp(name, spec_.typeName, kTypeNameBytes) == 0);
    Writer writer;
    SIM_CHECK(become_writer(attached, 0, &writer) == RingStatus::kOk);
    uint64_t payload[kMaxPayloadWords] = {1}, position;
    SIM_CHECK(orbit::publish(&writer, payload, payloadBytes, 1, 1, &position) == RingStatus::kOk && position == 0);
  }

  RingSpec spec_;
  uint64_t* object_ = nullptr;
};
const Registered attaching("attach", make_scene<Attaching>);

}  // namespace
}  // namespace sim
