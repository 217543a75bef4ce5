// Threads over one table of entries: nodes that add, change, remove and die on few cells; two watchers.
//
// A living owner finds each of its entries as it has left it (E1). A watcher knows from the owner, its incarnation and
// the id what the value must be made of: a mixed entry cannot pass. At the end the chunks are a permutation (I1). Each
// thread has its own Ring or Writer, as each process has. Under ThreadSanitizer build with -fno-builtin-memcpy.
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "check.h"
#include "protocol/entries.h"
#include "protocol/settle.h"

using namespace orbit;

namespace {

constexpr uint32_t kNodes = 4, kWatchers = 2, kCells = 8;
#ifdef __SANITIZE_THREAD__
constexpr uint32_t kCalls = 2000;
#else
constexpr uint32_t kCalls = 20000;
#endif

struct Epoch {
  uint64_t seed = 0;
  void* base = nullptr;
  uint64_t bytes = 0;
  uint64_t incarnations[kNodes] = {1, 1, 1, 1};
  uint64_t nodesDone = 0;
  uint64_t hands[kNodes] = {};
  uint64_t seen = 0;

  Ring attach() const {
    Ring ring;
    CHECK(attach_table(base, bytes, &ring) == AttachStatus::kOk);
    return ring;
  }
};

// Each character of a value follows from the first one and the owner.
std::string value_of(uint32_t node, uint64_t incarnation, uint64_t count) {
  std::string value(1 + count % 40, static_cast<char>('a' + count % 26));
  for (size_t i = 1; i < value.size(); i++) value[i] = static_cast<char>(value[0] ^ (node + 1) ^ (incarnation & 0x1f));
  return value;
}

class Node {
 public:
  Node(Epoch* epoch, uint32_t node) : epoch_(epoch), node_(node), random_{epoch->seed * 31 + node} { take(); }

  void run() {
    for (uint32_t call = 0; call < kCalls; call++) {
      uint64_t what = random_.below(32);
      if (what == 0) die();
      if (what == 1) std::this_thread::yield();
      if (own_.empty() || what < 12) {
        add();
      } else if (what < 24) {
        change();
      } else {
        remove();
      }
    }
    epoch_->hands[node_] = writer_.hand;
    __atomic_fetch_add(&epoch_->nodesDone, 1, __ATOMIC_RELEASE);
  }

 private:
  void take() {
    CHECK(become_writer(epoch_->attach(), node_, &writer_) == RingStatus::kOk);
    incarnation_ = load_acquire(&epoch_->incarnations[node_]);
  }
  void die() {
    own_.clear();
    store_release(&epoch_->incarnations[node_], incarnation_ + 1);
    take();
  }
  Entry entry(const std::string& id, const std::string& value) const {
    return {incarnation_, id.data(), static_cast<uint32_t>(id.size()), value.data(),
            static_cast<uint32_t>(value.size())};
  }
  void add() {
    std::string id = std::to_string(++count_), value = value_of(node_, incarnation_, count_);
    uint32_t cell = static_cast<uint32_t>(random_.below(kCells));
    auto lives = [this](uint32_t node, uint64_t incarnation) {
      return load_acquire(&epoch_->incarnations[node]) == incarnation;
    };
    TableStatus status = add_entry(&writer_, &cell, entry(id, value), lives);
    if (status == TableStatus::kFull) return;
    CHECK_EQUAL(status, TableStatus::kDone);
    CHECK(own_.emplace(cell, id).second);
  }
  std::map<uint32_t, std::string>::iterator pick() {
    auto found = own_.begin();
    std::advance(found, random_.below(own_.size()));
    return found;
  }
  void change() {
    auto own = pick();
    Card card;
    EntryHeader header;
    CHECK(read_card(writer_.ring, own->first, &card));
    CHECK(entry_in(writer_.ring, card, &header) == CellState::kEntry && is_own(writer_, incarnation_, header));
    std::string id(reinterpret_cast<const char*>(card.bytes) + sizeof header, header.idBytes);
    CHECK(id == own->second);
    std::string value = value_of(node_, incarnation_, ++count_);
    CHECK_EQUAL(change_cell(&writer_, own->first, entry(id, value)), TableStatus::kDone);
  }
  void remove() {
    auto own = pick();
    CHECK_EQUAL(empty_cell(&writer_, own->first, incarnation_), TableStatus::kDone);
    own_.erase(own);
  }

  Epoch* epoch_;
  uint32_t node_;
  Random random_;
  Writer writer_;
  uint64_t incarnation_ = 0, count_ = 0;
  std::map<uint32_t, std::string> own_;  // by cell
};

void watch(Epoch* epoch) {
  Ring ring = epoch->attach();
  uint64_t stamps[kCells] = {}, seen = 0;
  while (load_acquire(&epoch->nodesDone) < kNodes) {
    for (uint32_t cell = 0; cell < kCells; cell++) {
      Card card;
      EntryHeader header;
      CellState state;
      uint64_t before = stamps[cell];
      if (!read_change(ring, cell, &stamps[cell], &card, &header, &state)) continue;
      CHECK(stamps[cell] > before && state != CellState::kDamaged);
      if (state == CellState::kEmpty) continue;
      CHECK(header.node < kNodes && header.valueBytes > 0);
      std::string value(reinterpret_cast<const char*>(card.bytes) + sizeof header + header.idBytes, header.valueBytes);
      uint64_t count = static_cast<uint64_t>(value[0] - 'a');
      while (count % 26 != static_cast<uint64_t>(value[0] - 'a') || 1 + count % 40 != value.size()) count++;
      CHECK(value == value_of(header.node, header.incarnation, count));
      seen++;
    }
  }
  __atomic_fetch_add(&epoch->seen, seen, __ATOMIC_RELAXED);
}

void check_chunks(const Epoch& epoch) {
  Ring ring = epoch.attach();
  std::vector<uint32_t> places(ring.chunkCount);
  for (uint32_t cell = 0; cell < kCells; cell++) places[chunk_in(load_acquire(&ring.slots[cell]))]++;
  for (uint64_t hand : epoch.hands) places[hand]++;
  for (uint64_t i = load_acquire(&ring.header->sparesTaken); i < ring.spareCount; i++) places[ring.spares[i]]++;
  for (uint32_t chunk = 0; chunk < ring.chunkCount; chunk++) CHECK_EQUAL(places[chunk], 1);
}

void run_epoch(uint64_t seed, uint64_t* seen) {
  RingSpec spec;
  spec.typeKind = 130;
  spec.capacity = kCells;
  spec.payloadBytes = 72;
  spec.fleetSize = kNodes;
  Epoch epoch;
  epoch.seed = seed;
  epoch.bytes = ring_bytes(spec);
  epoch.base = aligned_alloc(64, align_line(epoch.bytes));
  memset(epoch.base, 0x5a, epoch.bytes);
  format_table(epoch.base, spec, 0);
  std::vector<std::thread> threads;
  for (uint32_t node = 0; node < kNodes; node++) threads.emplace_back([&epoch, node] { Node(&epoch, node).run(); });
  for (uint32_t i = 0; i < kWatchers; i++) threads.emplace_back([&epoch] { watch(&epoch); });
  for (std::thread& thread : threads) thread.join();
  check_chunks(epoch);
  *seen += epoch.seen;
  free(epoch.base);
}

}  // namespace

int main(int count, char** words) {
  Options options = parse_options(count, words);
  double end = seconds_now() + options.seconds;
  uint64_t epochs = 0, seen = 0;
  while (epochs == 0 || seconds_now() < end) run_epoch(options.seed + epochs++, &seen);
  CHECK(seen > 0);
  printf("%llu epochs, %llu entries watched\n", static_cast<unsigned long long>(epochs),
         static_cast<unsigned long long>(seen));
  return 0;
}
