// What ring.h alone costs, against a plain sequence-lock ring that survives no death.
//
// Measured: nanoseconds a publish and a read, one process, payloads of 16 to 16,384 bytes; and nanoseconds for a frame
// of either where two processes publish 64 bytes at once, without a pause. The rival is the classic sequence-lock ring
// for several writers: fetch_add a position, sequence odd, copy, sequence even. A writer that dies or is lapped inside
// stalls or tears it. It copies with the same word loops as ring.h. The target is 1.3 times its publish of 64 bytes.
//
// Method: every round measures each cell once, in turn, so that what disturbs the machine disturbs all alike. Printed
// are the median and the 10th and 90th percentile over the rounds, 40 or as many as the argument says.
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "protocol/ring.h"
#include "protocol/settle.h"
#include "test/check.h"

using namespace orbit;

namespace {

constexpr uint32_t kCapacity = 1024;
constexpr uint32_t kFleetSize = 8;
constexpr uint32_t kFramesPerSample = 8 * kCapacity;
constexpr uint32_t kPayloads[] = {16, 64, 256, 1024, 4096, 16384};
constexpr int kSizes = sizeof kPayloads / sizeof kPayloads[0];
constexpr int kOf64Bytes = 1;
constexpr double kSecondsTogether = 0.05;

void* shared_bytes(size_t bytes) {
  void* base = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  CHECK(base != MAP_FAILED);
  return base;
}

// ---- the two rings, with one shape ---------------------------------------------------------------------------------

struct SwapRing {
  static constexpr const char* kName = "swap-publish";
  Ring ring;
  void create(uint32_t payloadBytes) {
    RingSpec spec;
    spec.typeKind = 1;
    spec.capacity = kCapacity;
    spec.payloadBytes = payloadBytes;
    spec.fleetSize = kFleetSize;
    void* base = shared_bytes(ring_bytes(spec));
    format_ring(base, spec, 0);
    CHECK(attach_ring(base, ring_bytes(spec), &ring) == AttachStatus::kOk);
  }
  struct Side {
    Writer writer;
    Side(SwapRing& from, uint32_t node) { CHECK(become_writer(from.ring, node, &writer) == RingStatus::kOk); }
    void write(const void* payload, uint32_t length) {
      uint64_t position;
      CHECK(publish(&writer, payload, length, 7, 9, &position) == RingStatus::kOk);
    }
  };
  uint64_t head() const { return head_of(ring); }
  bool read(uint64_t position, void* payload) const {
    Frame frame;
    return read_frame(ring, position, &frame, payload) == RingStatus::kOk;
  }
};

struct SequenceSlot {
  uint64_t sequence;  // 2 * position + 1 while it is written, 2 * position + 2 when it is whole
  ChunkHeader header;
};

struct SequenceRing {
  static constexpr const char* kName = "seqlock";
  uint64_t* next = nullptr;
  uint8_t* slots = nullptr;
  uint64_t stride = 0;

  void create(uint32_t payloadBytes) {
    stride = align_line(sizeof(SequenceSlot) + payloadBytes);
    next = static_cast<uint64_t*>(shared_bytes(kCacheLineBytes + kCapacity * stride));
    slots = reinterpret_cast<uint8_t*>(next) + kCacheLineBytes;
  }
  SequenceSlot* slot(uint64_t position) const {
    return reinterpret_cast<SequenceSlot*>(slots + (position & (kCapacity - 1)) * stride);
  }
  struct Side {
    SequenceRing& ring;
    uint32_t node;
    Side(SequenceRing& from, uint32_t node) : ring(from), node(node) {}
    void write(const void* payload, uint32_t length) {
      uint64_t position = add_relaxed(ring.next, 1);
      SequenceSlot* slot = ring.slot(position);
      store_relaxed(&slot->sequence, 2 * position + 1);
      store_release(&slot->header.id, make_id(1, node, position));
      store_release(&slot->header.version, 9);
      store_release(shape_of(&slot->header), length | uint64_t{7} << 32);
      copy_to_shared(payload_at(&slot->header), payload, length);
      store_release(&slot->sequence, 2 * position + 2);
    }
  };
  uint64_t head() const { return load_acquire(next); }
  bool read(uint64_t position, void* payload) const {
    SequenceSlot* from = slot(position);
    uint64_t sequence = load_acquire(&from->sequence);
    if (sequence != 2 * position + 2) return false;
    uint64_t id = load_acquire(&from->header.id);
    uint64_t version = load_acquire(&from->header.version);
    uint64_t shape = load_acquire(shape_of(&from->header));
    uint32_t length = static_cast<uint32_t>(shape);
    if (length > stride) return false;
    copy_from_shared(payload, payload_at(&from->header), length);
    return load_acquire(&from->sequence) == sequence && (id & kCounterMask) == position && version == 9;
  }
};

// ---- samples -------------------------------------------------------------------------------------------------------

struct Cell {
  std::string operation, driver;
  uint32_t payload;
  std::vector<double> samples;
  double at(double share) const {
    std::vector<double> sorted = samples;
    std::sort(sorted.begin(), sorted.end());
    return sorted[static_cast<size_t>(share * static_cast<double>(sorted.size() - 1) + 0.5)];
  }
};

struct Report {
  std::vector<Cell> cells;
  Cell& cell(const std::string& operation, const std::string& driver, uint32_t payload) {
    for (Cell& cell : cells) {
      if (cell.operation == operation && cell.driver == driver && cell.payload == payload) return cell;
    }
    cells.push_back({operation, driver, payload, {}});
    return cells.back();
  }
};

uint8_t g_payload[16384];

template <typename Any>
void sample_one_process(Report* report, Any& ring, uint32_t payload) {
  typename Any::Side side(ring, 0);
  double began = seconds_now();
  for (uint64_t i = 0; i < kFramesPerSample; i++) {
    memcpy(g_payload, &i, 8);
    side.write(g_payload, payload);
  }
  report->cell("publish", Any::kName, payload).samples.push_back((seconds_now() - began) * 1e9 / kFramesPerSample);

  uint8_t copy[16384];
  uint64_t head = ring.head(), whole = 0;
  began = seconds_now();
  for (uint32_t pass = 0; pass < kFramesPerSample / kCapacity; pass++) {
    for (uint64_t position = head - kCapacity; position < head; position++) whole += ring.read(position, copy);
  }
  double nanoseconds = (seconds_now() - began) * 1e9 / kFramesPerSample;
  CHECK_EQUAL(whole, kFramesPerSample);
  report->cell("read", Any::kName, payload).samples.push_back(nanoseconds);
}

// In a child: publishes without a pause, and returns how many frames.
template <typename Any>
uint64_t publish_until(Any& ring, uint32_t node, double begins, double ends) {
  typename Any::Side side(ring, node);
  uint64_t frames = 0;
  while (seconds_now() < begins) {
  }
  for (; seconds_now() < ends; frames += 256) {
    for (uint64_t i = 0; i < 256; i++) {
      memcpy(g_payload, &i, 8);
      side.write(g_payload, kPayloads[kOf64Bytes]);
    }
  }
  return frames;
}

template <typename Any>
void sample_two_processes(Report* report, Any& ring) {
  static uint64_t* frames = static_cast<uint64_t*>(shared_bytes(kCacheLineBytes));
  double begins = seconds_now() + 0.01;
  pid_t children[2];
  for (uint32_t i = 0; i < 2; i++) {
    children[i] = fork();
    CHECK(children[i] >= 0);
    if (children[i] > 0) continue;
    frames[i] = publish_until(ring, 1 + i, begins, begins + kSecondsTogether);
    _exit(0);
  }
  for (pid_t child : children) {
    int status;
    CHECK_EQUAL(waitpid(child, &status, 0), child);
    CHECK_EQUAL(status, 0);
  }
  double nanoseconds = kSecondsTogether * 1e9 / static_cast<double>(frames[0] + frames[1]);
  report->cell("2 writers", Any::kName, kPayloads[kOf64Bytes]).samples.push_back(nanoseconds);
}

template <typename Any>
struct Rings {
  Any bySize[kSizes];
  Rings() {
    for (int i = 0; i < kSizes; i++) {
      bySize[i].create(kPayloads[i]);
      typename Any::Side side(bySize[i], 0);
      for (uint32_t frame = 0; frame < 2 * kCapacity; frame++) side.write(g_payload, kPayloads[i]);
    }
  }
};

// ---- output --------------------------------------------------------------------------------------------------------

void print_table(Report* report, int rounds) {
  printf("ring.h alone: capacity %u, %d rounds; median (p10..p90), compiler %s\n\n", kCapacity, rounds, __VERSION__);
  printf("%-9s %8s  %-15s %10s  %-18s %s\n", "operation", "payload", "driver", "ns/frame", "p10..p90", "x seqlock");
  for (const Cell& cell : report->cells) {
    double rival = report->cell(cell.operation, "seqlock", cell.payload).at(0.5);
    printf("%-9s %8u  %-15s %10.1f  %7.1f..%-9.1f %.2f\n", cell.operation.c_str(), cell.payload, cell.driver.c_str(),
           cell.at(0.5), cell.at(0.1), cell.at(0.9), cell.at(0.5) / rival);
  }
}

}  // namespace

int main(int count, char** words) {
  int rounds = count > 1 ? atoi(words[1]) : 40;
  if (rounds < 1) {
    fprintf(stderr, "usage: %s [rounds]\n", words[0]);
    return 2;
  }
  Rings<SwapRing> swap;
  Rings<SequenceRing> sequence;
  Report report;
  for (int round = 0; round < rounds; round++) {
    for (int i = 0; i < kSizes; i++) {
      sample_one_process(&report, swap.bySize[i], kPayloads[i]);
      sample_one_process(&report, sequence.bySize[i], kPayloads[i]);
    }
    sample_two_processes(&report, swap.bySize[kOf64Bytes]);
    sample_two_processes(&report, sequence.bySize[kOf64Bytes]);
  }
  print_table(&report, rounds);
  return 0;
}
