// KINDs that are given to names, one member after the other: names.h. A reader finds a name where it is in the end, or
// nowhere yet. A member may die anywhere; the next one may then use the same entry for another name.
#include <string.h>

#include "protocol/names.h"
#include "sim/scene.h"
#include "sim/simulator.h"

using namespace orbit;

namespace sim {
namespace {

class Naming : public Scene {
 public:
  explicit Naming(Numbers* numbers) : Scene(numbers), reads_(numbers->count("reads", 1)) {}

  void set_up() override {
    names_ = static_cast<KindName*>(simulator.allocate(kNamedKinds * sizeof(KindName)));
    // All entries but two are in use by others, so that a search is short.
    for (uint32_t i = 2; i < kNamedKinds; i++) store_name(&names_[i], "x", 1);
  }

  void start() override {
    for (int32_t& found : found_) found = -1;
    int first = simulator.spawn(
        "first", [this] { give("aa"); }, true);
    simulator.spawn("second", [this, first] {
      simulator.await_end(first);
      give("bb");
    });
    simulator.spawn("reader", [this] {
      for (uint32_t i = 0; i < reads_; i++) {
        found_[i] = find("aa");
        SIM_CHECK(i == 0 || found_[i - 1] < 0 || found_[i] == found_[i - 1]);
      }
    });
  }

  void finish() override {
    for (uint32_t i = 0; i < reads_; i++) SIM_CHECK(found_[i] < 0 || found_[i] == find("aa"));
    SIM_CHECK(find("bb") >= 0 && find("bb") != find("aa"));
  }

  std::string name_of(const uint64_t* address) const override {
    long word = address - reinterpret_cast<const uint64_t*>(names_), words = sizeof(KindName) / 8;
    std::string entry = "name[" + std::to_string(word / words) + "]";
    return word % words == 0 ? entry + ".bytes" : entry + "+" + std::to_string(word % words - 1);
  }
  std::string show(const uint64_t*, uint64_t value) const override { return std::to_string(value); }

 private:
  static constexpr uint32_t kMaxReads = 4;

  int32_t find(const char* name) const { return find_name(names_, name, 2); }
  void give(const char* name) const {
    if (find(name) < 0) store_name(&names_[free_name(names_)], name, 2);
  }

  const uint32_t reads_;
  KindName* names_ = nullptr;
  int32_t found_[kMaxReads] = {};
};
const Registered naming("names", make_scene<Naming>);

}  // namespace
}  // namespace sim
