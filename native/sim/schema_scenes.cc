// The text of a ring's pod, to which members add fields one after the other: schema.h. A reader gets a text that some
// member has stored, whole. A member may die anywhere.
#include <string.h>

#include "protocol/schema.h"
#include "sim/ringscene.h"

using namespace orbit;

namespace sim {
namespace {

class Schema : public RingScene {
 public:
  explicit Schema(Numbers* numbers) : RingScene(numbers), reads_(numbers->count("reads", 1)) {}

  void prepare() override {
    RingSpec spec = ring.spec;
    spec.schema = kText;
    spec.schemaBytes = kBefore;
    spec.schemaRoom = kCacheLineBytes;
    void* base = simulator.allocate(ring_bytes(spec));
    format_ring(base, spec, 0);
    SIM_CHECK(attach_ring(base, ring_bytes(spec), &typed_) == AttachStatus::kOk);
  }

  // The lock passes from the first member to the second, which may want to add the same fields or more.
  void start_threads() override {
    int first = simulator.spawn(
        "first", [this] { add(kMiddle); }, true);
    simulator.spawn("second", [this, first] {
      simulator.await_end(first);
      add(kAfter);
    });
    simulator.spawn("reader", [this] {
      for (uint32_t last = 0, i = 0; i < reads_; i++) last = read(last);
    });
  }
  void finish() override { SIM_CHECK(read(0) == kAfter); }

  std::string name_of(const uint64_t* address) const override {
    if (address == &typed_.header->schemaBytes) return "schemaBytes";
    return address >= typed_.schema ? "text+" + std::to_string((address - typed_.schema) * 8) : "?";
  }

 private:
  static constexpr const char* kText = "{\"a\":u8,\"b\":u16,\"c\":u32";
  static constexpr uint32_t kBefore = 7, kMiddle = 15, kAfter = 23;  // where a field ends

  void add(uint32_t bytes) {
    uint32_t before = schema_bytes(typed_);
    char text[kAfter] = {};
    copy_schema(typed_, text, before);
    SIM_CHECK(memcmp(text, kText, before) == 0);
    if (before < bytes) append_schema(typed_, before, kText, bytes);
  }

  uint32_t read(uint32_t last) {
    char text[kAfter] = {};
    uint32_t bytes = schema_bytes(typed_);
    SIM_CHECK(bytes == kBefore || bytes == kMiddle || bytes == kAfter);
    SIM_CHECK(bytes >= last);
    copy_schema(typed_, text, bytes);
    SIM_CHECK(memcmp(text, kText, bytes) == 0);
    return bytes;
  }

  const uint32_t reads_;
  Ring typed_;
};
const Registered schema("schema", make_scene<Schema>);

}  // namespace
}  // namespace sim
