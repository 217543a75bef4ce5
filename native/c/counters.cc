// The calls of counters: open, add and get.
#include "protocol/counters.h"

#include "c/handles.h"
#include "posix/clock.h"
#include "protocol/payload.h"

namespace orbit {

namespace {

constexpr char kTableName[] = "orbit.counters";
constexpr uint32_t kLongestOwnName = 48, kDefaultCapacity = 4096, kDefaultNameBytes = 64;
// As in src/core/counters.ts: how many names a bucket has on average in a table that is full.
constexpr uint32_t kNamesPerBucket = 4;

uint64_t now_ms() { return monotonic_ms(); }

struct CheckedTable {
  explicit CheckedTable(const orbit_counters_options& options) {
    uint32_t capacity = options.capacity == 0 ? kDefaultCapacity : options.capacity;
    uint32_t nameBytes = options.name_bytes == 0 ? kDefaultNameBytes : options.name_bytes;
    require_range("capacity", capacity, 16, uint64_t{kMaxCapacity} * kNamesPerBucket);
    require_power("capacity", capacity);
    require_range("name_bytes", nameBytes, 16, kMaxNameBytes);
    if (options.name != nullptr) name += ":" + require_text("name", options.name, kLongestOwnName);
    hasOwnName = options.name != nullptr;
    spec.objectType = kCountersObject;
    spec.capacity = capacity / kNamesPerBucket;
    spec.payloadBytes = counters_payload(nameBytes);
    memcpy(spec.typeName, name.data(), name.size());
    wish = {true, options.capacity != 0, options.name_bytes != 0};
  }
  std::string name = kTableName;
  bool hasOwnName;
  RingSpec spec;
  Wish wish;
};

CounterName counter_name(const OpenRing& opened, const char* name) {
  require_pointer(name, "name");
  uint32_t longest = longest_name(opened.writer.ring);
  size_t length = require_text("name", name, longest < kMaxNameBytes ? longest : kMaxNameBytes).size();
  return {name, static_cast<uint32_t>(length), kInteger};
}

[[noreturn]] void refuse_change(CounterStatus status, const char* name, const OpenRing& opened) {
  std::string counter = "counter \"" + std::string(name) + "\": ";
  switch (status) {
    case CounterStatus::kOther:
      throw Failure("ERR_ORBIT_TYPE_MISMATCH", counter + "it is a gauge: use another name");
    case CounterStatus::kFull:
      throw Failure("ERR_ORBIT_TABLE_FULL",
                    counter + "the table has no room for another name: open it with a larger capacity");
    case CounterStatus::kRefused:
      throw Failure("ERR_ORBIT_EXHAUSTED", counter + "the sum would be outside -(2^53-1)..2^53-1");
    default:
      refuse_status(static_cast<RingStatus>(status), opened);
  }
}

// False: the sum is no exact number in JavaScript.
bool add_exactly(uint64_t* word, int64_t delta) {
  int64_t sum;
  constexpr int64_t kMost = static_cast<int64_t>(kMostExact);
  if (__builtin_add_overflow(static_cast<int64_t>(*word), delta, &sum) || sum < -kMost || sum > kMost) return false;
  *word = static_cast<uint64_t>(sum);
  return true;
}

}  // namespace

}  // namespace orbit

int orbit_counters_open(orbit_fleet* fleet, const orbit_counters_options* options, orbit_counters** counters) {
  return orbit::guarded([&] {
    orbit::require_pointer(counters, "counters");
    *counters = nullptr;
    orbit::require_open(fleet);
    orbit_counters_options wanted = {};
    if (options != nullptr) {
      orbit::require_struct(options->struct_bytes, sizeof wanted, "options");
      wanted = *options;
    }
    orbit::CheckedTable table(wanted);
    table.spec.typeKind =
        table.hasOwnName ? static_cast<uint32_t>(fleet->fleet->named_kind(table.name)) : orbit::kCountersKind;
    auto handle = std::make_unique<orbit_counters>();
    handle->fleet = fleet;
    handle->opened = fleet->fleet->open_ring(table.spec, table.wish);
    fleet->counters.push_back(std::move(handle));
    *counters = fleet->counters.back().get();
    return ORBIT_OK;
  });
}

int orbit_counters_add(orbit_counters* counters, const char* name, int64_t delta, int64_t* value) {
  return orbit::guarded([&] {
    orbit::require_open(counters);
    orbit::CounterName wanted = orbit::counter_name(*counters->opened, name);
    orbit::require_kept(*counters->opened);
    orbit::CounterSpot spot;
    int64_t sum = 0;
    auto add = [&](uint64_t* word, bool) {
      if (!orbit::add_exactly(word, delta)) return false;
      sum = static_cast<int64_t>(*word);
      return true;
    };
    orbit::CounterStatus status =
        orbit::change_counter(&counters->opened->writer, wanted, 0, orbit::now_ms, add, &spot);
    if (status != orbit::CounterStatus::kDone) orbit::refuse_change(status, name, *counters->opened);
    if (value != nullptr) *value = sum;
    return ORBIT_OK;
  });
}

int orbit_counters_get(orbit_counters* counters, const char* name, int64_t* value) {
  return orbit::guarded([&] {
    orbit::require_open(counters);
    orbit::require_pointer(value, "value");
    orbit::CounterName wanted = orbit::counter_name(*counters->opened, name);
    orbit::require_kept(*counters->opened);
    orbit::CounterSpot spot;
    orbit::CounterValue found;
    orbit::CounterStatus status =
        orbit::read_counter(counters->opened->writer.ring, wanted, orbit::now_ms, &found, &spot);
    if (status == orbit::CounterStatus::kNone) return static_cast<int>(ORBIT_NOTHING);
    if (status != orbit::CounterStatus::kDone) orbit::refuse_change(status, name, *counters->opened);
    *value = static_cast<int64_t>(found.value);
    return static_cast<int>(ORBIT_OK);
  });
}
