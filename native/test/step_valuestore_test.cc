// A death at every single instruction of the calls of a store, and stops at instructions all over them.
//
// The memory after an instruction is what a kill there leaves. So a call is stepped once, and each memory that differs
// from the one before is copied and handed to an heir; bytes of a record that is not whole differ in vain. A call that
// was stopped goes on after another member has put, deleted or evicted what it is about. The stops of one run are some
// instructions apart, and begin at another one in each run.
//
// Generations have two bits: all repeat while a call is stopped. Values are full of forged records of the key that is
// read, one at each place where a record may begin.
#define ORBIT_GENERATION_BITS 2
#ifndef __linux__
#include <stdio.h>
int main() {
  puts("step_valuestore_test: skipped, it needs Linux's ptrace");
  return 0;
}
#else

#include <string_view>

#include "step.h"
#include "stores.h"

using namespace orbit;

namespace {

constexpr uint32_t kVictim = 1, kRival = 0;
const std::string kKey = "key", kOld(100, 'o'), kNew(120, 'n'), kLarge(5000, 'l'), kForged(16, 'f');
// Behind what prepare() puts first: a long part and its head in one segment; a long part, and a short one in the next.
const std::string kLong(4500, 'g'), kShort(9000, 's');

struct Scene {
  StoreSpec spec = store_spec(16, 1 << 13, 64, 2);
  uint64_t bytes = store_bytes(spec);
  void* base = shared_memory(bytes);
  void* copy = shared_memory(bytes);
  Progress* progress = static_cast<Progress*>(shared_memory(sizeof(Progress)));
};

ValueStore attach(const Scene& scene, void* base) {
  ValueStore store;
  CHECK(attach_store(base, scene.bytes, &store) == AttachStatus::kOk);
  return store;
}

// Takes most of a segment, and looks like a record of the key wherever one may begin.
std::string forgery(const ValueStore& store, const std::string& key) {
  std::string value;
  Record record;
  record.shape =
      record_shape(kValueRecord, static_cast<uint32_t>(key.size()), 0, static_cast<uint32_t>(kForged.size()));
  record.hash = key_hash(store, key.data(), static_cast<uint32_t>(key.size()));
  record.id = 77;
  record.bornMs = kFloorTimeMask;
  record.expiresAtMs = record.staleAtMs = 0;
  std::string one(reinterpret_cast<const char*>(static_cast<RecordHeader*>(&record)), sizeof(RecordHeader));
  one += key + std::string((8 - key.size() % 8) % 8, '\0') + kForged;
  one.resize((one.size() + kUnitBytes - 1) / kUnitBytes * kUnitBytes);
  while (value.size() + one.size() < 3500) value += one;
  return value;
}

// ---- the calls -----------------------------------------------------------------------------------------------------

struct Call {
  const char* name;
  std::string before;  // the key's value; "": none
  bool isFull;         // the store has no unused segment, and the open hands of the node are full
  StoreStatus (*run)(StoreWriter* writer, Progress* progress);
  std::string after;  // the key's value; "": none
  bool mayEvict = false;
  bool isVictim = false;  // the segment with the key's record is to be walked
};

StoreKey own_key(const StoreWriter& writer) { return store_key(writer.store, kKey.data(), 3); }

StoreStatus put_text(StoreWriter* writer, const std::string& text, const PutCondition& condition) {
  StoreValue value;
  value.bytes = text.data();
  value.length = text.size();
  uint64_t id;
  return put_value(writer, own_key(*writer), value, kStoreNowMs, condition, &id);
}
StoreStatus put_new(StoreWriter* writer, Progress*) { return put_text(writer, kNew, {}); }
StoreStatus put_large(StoreWriter* writer, Progress*) { return put_text(writer, kLarge, {}); }
StoreStatus walk(StoreWriter* writer, Progress*) {
  StoreValue value;
  value.bytes = kOld.data();
  value.length = kOld.size();
  uint64_t id;
  return put_value(writer, store_key(writer->store, "third", 5), value, kStoreNowMs, {}, &id);
}
StoreStatus remove(StoreWriter* writer, Progress*) { return delete_key(writer, own_key(*writer), kStoreNowMs); }
StoreStatus fill(StoreWriter* writer, Progress*) {
  PutCondition condition;
  condition.kind = PutIf::kReserved;
  StoreStatus status = reserve_key(writer, own_key(*writer), kStoreNowMs, &condition.reservation);
  return status == StoreStatus::kDone ? put_text(writer, kNew, condition) : status;
}
StoreStatus reset(StoreWriter* writer, Progress*) { return reset_prefix(writer->store, "ke", 2, kStoreNowMs); }
// Says what it got: 1 the old value, 2 none, 3 the rival's; anything else is wrong.
StoreStatus get(StoreWriter* writer, Progress* progress) {
  static char target[4096];
  StoreEntry entry;
  StoreStatus status = get_value(writer->store, writer, own_key(*writer), kStoreNowMs, target, sizeof target, &entry);
  uint64_t result = 2;
  if (status == StoreStatus::kDone) {
    std::string_view text(target, entry.valueBytes);
    result = text == kOld ? 1 : text == kNew ? 3 : 9;
  }
  store_release(&progress->result, result);
  return StoreStatus::kDone;
}

const Call kCalls[] = {
    {"put", "", false, put_new, kNew},
    {"put over", kOld, false, put_new, kNew},
    {"put into a full hand", kOld, true, put_new, kNew, true},
    {"put of parts", kOld, false, put_large, kLarge},
    {"delete", kOld, false, remove, ""},
    {"fill", "", false, fill, kNew},
    {"fill over", kOld, false, fill, kNew},
    {"reset", kOld, false, reset, ""},
    {"get", kOld, false, get, kOld},
    {"walk of a short part", kShort, false, walk, kShort, false, true},
    {"walk of a long part", kLong, false, walk, kLong, false, true},
};

// Values of other keys that must be right, or gone.
void check_others(StoreMember* member) {
  for (int i = 0; i < 40; i++) {
    std::string name = "other-" + std::to_string(i), value = member->get(name);
    CHECK(value == "(none)" || value == name + std::string(3000, 'x'));
  }
}
void put_others(StoreMember* member, int count) {
  for (int i = 0; i < count; i++) {
    std::string name = "other-" + std::to_string(i % 40);
    member->put(name, name + std::string(3000, 'x'));
  }
}

void prepare(const Scene& scene, const Call& call) {
  memset(scene.base, 0, scene.bytes);
  format_store(scene.base, scene.spec, 1);
  ValueStore store = attach(scene, scene.base);
  StoreMember member(store, kVictim), rival(store, kRival);
  if (call.isFull) put_others(&rival, 40);
  put_others(&member, 3);
  if (!call.before.empty()) member.put(kKey, call.before);
  // Hits, so that a walk moves them.
  CHECK(call.before.empty() || member.get(kKey) == call.before);
  if (call.isVictim) seal_segment(&member.writer, member.writer.open[kSmallSegment], kSmallSegment);
  if (call.isFull) check_others(&member);
  while (call.isFull && room_of(member.writer, kSmallSegment) >= record_bytes(3, 0, kNew.size())) {
    member.put("last", std::string(100, 'x'));
  }
}

pid_t start_call(const Scene& scene, const Call& call) {
  store_release(&scene.progress->result, 0);
  return start(scene.progress, [&] {
    static StoreWriter writer;
    CHECK(join_store(attach(scene, scene.base), kVictim, &writer) == RingStatus::kOk);
    kill(getpid(), SIGSTOP);  // joining is no part of the call
    StoreStatus status = call.run(&writer, scene.progress);
    // A fill may be refused, and there may be nothing to delete any more.
    CHECK(status == StoreStatus::kDone || (call.run == fill && status == StoreStatus::kRefused) ||
          (call.run == remove && status == StoreStatus::kNone));
  });
}
void go_to_call(pid_t child) {
  CHECK_EQUAL(ptrace(PTRACE_CONT, child, nullptr, nullptr), 0);
  int status;
  CHECK_EQUAL(waitpid(child, &status, 0), child);
  CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
}

// ---- deaths --------------------------------------------------------------------------------------------------------

// False: the call had no effect before its death.
bool check_heir(const Scene& scene, const Call& call) {
  memcpy(scene.copy, scene.base, scene.bytes);
  ValueStore store = attach(scene, scene.copy);
  StoreMember heir(store, kVictim), rival(store, kRival);
  CHECK_EQUAL(count_lost_chunks(store), load_relaxed(&store.ring.header->burned));
  CHECK_EQUAL(load_relaxed(&store.ring.header->burned), 0);  // the slot says what a lone death left
  std::string value = rival.get(kKey), before = call.before.empty() ? "(none)" : call.before;
  bool isAfter = value == (call.after.empty() ? "(none)" : call.after);
  CHECK(isAfter || value == before || (call.mayEvict && value == "(none)"));
  check_others(&rival);
  put_others(&heir, 60);
  check_others(&rival);
  heir.put(kKey, kOld);
  CHECK(rival.get(kKey) == kOld);
  CHECK_EQUAL(count_lost_chunks(store), 0);
  return isAfter;
}

// Returns how many instructions the call has.
uint64_t die_everywhere(const Scene& scene, const Call& call) {
  prepare(scene, call);
  uint64_t before = store_offsets(scene.spec).arena;
  pid_t child = start_call(scene, call);
  go_to_call(child);
  std::vector<uint8_t> last(before);
  uint64_t instructions = 0, states = 0, after = 0;
  bool isAfter = false;
  for (; load_acquire(&scene.progress->done) == 0; instructions++) {
    CHECK(instructions < kMostSteps);
    step(child);
    if (memcmp(last.data(), scene.base, before) == 0) continue;
    memcpy(last.data(), scene.base, before);
    bool is = check_heir(scene, call);
    CHECK(is || !isAfter);  // once it has happened it stays
    isAfter = is;
    states++;
    after += is;
  }
  kill_child(child);
  CHECK(check_heir(scene, call));
  printf("%s: %llu instructions, %llu deaths, %llu after it had happened\n", call.name,
         static_cast<unsigned long long>(instructions), static_cast<unsigned long long>(states),
         static_cast<unsigned long long>(after));
  return instructions;
}

// ---- stops ---------------------------------------------------------------------------------------------------------

enum class Rival { kPuts, kDeletes, kEvicts };

void act(const Scene& scene, Rival rival) {
  ValueStore store = attach(scene, scene.base);
  StoreMember member(store, kRival);
  if (rival == Rival::kPuts) member.put(kKey, kNew);
  if (rival == Rival::kDeletes) member.remove(kKey);
  if (rival != Rival::kEvicts) return;
  // Each segment that is not in the hands of the victim passes all its generations, and more.
  std::string forged = forgery(store, kKey);
  for (int i = 0; i < 200; i++) member.put("forged-" + std::to_string(i % 50), forged);
}

// False: the call was over before instruction `at`.
bool stop_at(const Scene& scene, const Call& call, Rival rival, uint64_t at) {
  prepare(scene, call);
  pid_t child = start_call(scene, call);
  go_to_call(child);
  for (uint64_t i = 0; i < at && load_acquire(&scene.progress->done) == 0; i++) step(child);
  bool isInside = load_acquire(&scene.progress->done) == 0;
  act(scene, rival);
  CHECK_EQUAL(ptrace(PTRACE_CONT, child, nullptr, nullptr), 0);
  finish_child(child);
  if (call.run == get) CHECK(load_acquire(&scene.progress->result) <= 3);
  ValueStore store = attach(scene, scene.base);
  StoreMember heir(store, kVictim), member(store, kRival);
  std::string value = member.get(kKey);
  CHECK(value == "(none)" || value == kNew || (call.run == put_large && value == kLarge) ||
        (rival == Rival::kEvicts && value == call.before) || (call.run == get && value == kOld));
  check_others(&member);
  CHECK_EQUAL(count_lost_chunks(store), 0);
  return isInside;
}

// Stops `most` times, at instructions that are equally far from each other.
uint64_t stop_all_over(const Scene& scene, const Call& call, Rival rival, uint64_t most, uint64_t instructions,
                       Random* random) {
  uint64_t stride = instructions / most + 1, stops = 0;
  for (uint64_t at = random->below(stride); stop_at(scene, call, rival, at); at += stride) stops++;
  return stops;
}

}  // namespace

int main(int count, char** words) {
  Options options = parse_options(count, words);
  if (!can_step("step_valuestore_test")) return skipped();
  alarm(2 * kWatchdogSeconds);
  stay_on_one_processor();
  Scene scene;
  Random random{options.seed};
  uint64_t stops = 0;
  for (const Call& call : kCalls) {
    uint64_t instructions = die_everywhere(scene, call), most = call.run == get ? 40 : instructions < 4000 ? 8 : 3;
    for (Rival rival : {Rival::kPuts, Rival::kDeletes, Rival::kEvicts}) {
      stops += stop_all_over(scene, call, rival, most, instructions, &random);
    }
  }
  printf("%llu stops\n", static_cast<unsigned long long>(stops));
  return 0;
}
#endif
