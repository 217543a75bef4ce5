// What ring.h alone costs, against a plain seqlock ring that survives nothing.
//
// Measured: nanoseconds a publish and a read, one process, payloads of 16 to 4096 bytes; frames a second of one, two
// and four writer processes on one ring. The rival is the classic multi-writer sequence-lock ring: fetch_add a
// position, sequence odd, copy, sequence even; a writer that dies or is lapped inside stalls or tears it. It copies
// with the same word loops as ring.h, and once more with memcpy, which is a data race but shows what the word loops
// cost.
//
// Method: every round measures each cell once, in turn, so that what disturbs the machine disturbs all alike. Told are
// the median and the 10th and 90th percentile over the rounds. `--json` prints one JSON document, `--rounds N` and
// `--storm-ms N` (how long the writer processes run in each round) say how much.
#include <sched.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <sys/wait.h>

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
constexpr uint32_t kPayloads[] = {16, 64, 256, 1024, 4096};
constexpr uint32_t kWriters[] = {1, 2, 4};
constexpr uint32_t kStormPayload = 64;

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

template <bool kWordLoops>
struct SequenceRing {
  static constexpr const char* kName = kWordLoops ? "seqlock" : "seqlock memcpy";
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
      if (kWordLoops) {
        copy_to_shared(payload_at(&slot->header), payload, length);
      } else {
        memcpy(payload_at(&slot->header), payload, length);
      }
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
    if (kWordLoops) {
      copy_from_shared(payload, payload_at(&from->header), length);
    } else {
      memcpy(payload, payload_at(&from->header), length);
      __atomic_thread_fence(__ATOMIC_ACQUIRE);
    }
    return load_acquire(&from->sequence) == sequence && (id & kCounterMask) == position && version == 9;
  }
};

// ---- samples -------------------------------------------------------------------------------------------------------

struct Cell {
  std::string operation, driver;
  uint32_t payload, writers;
  std::vector<double> samples;
  double at(double share) const {
    std::vector<double> sorted = samples;
    std::sort(sorted.begin(), sorted.end());
    if (sorted.empty()) return 0;
    return sorted[static_cast<size_t>(share * static_cast<double>(sorted.size() - 1) + 0.5)];
  }
};

struct Report {
  std::vector<Cell> cells;
  Cell& cell(const char* operation, const char* driver, uint32_t payload, uint32_t writers) {
    for (Cell& cell : cells) {
      if (cell.operation == operation && cell.driver == driver && cell.payload == payload && cell.writers == writers) {
        return cell;
      }
    }
    cells.push_back({operation, driver, payload, writers, {}});
    return cells.back();
  }
};

uint8_t g_payload[4096];
int g_disturbed = 0;  // storms that never found the machine quiet

template <typename Any>
void sample_one_process(Report* report, Any& ring, uint32_t payload) {
  typename Any::Side side(ring, 0);
  double began = seconds_now();
  for (uint64_t i = 0; i < kFramesPerSample; i++) {
    memcpy(g_payload, &i, 8);
    side.write(g_payload, payload);
  }
  report->cell("publish", Any::kName, payload, 1).samples.push_back((seconds_now() - began) * 1e9 / kFramesPerSample);

  uint8_t copy[4096];
  uint64_t head = ring.head(), whole = 0;
  began = seconds_now();
  for (uint32_t pass = 0; pass < kFramesPerSample / kCapacity; pass++) {
    for (uint64_t position = head - kCapacity; position < head; position++) whole += ring.read(position, copy);
  }
  double nanoseconds = (seconds_now() - began) * 1e9 / kFramesPerSample;
  CHECK_EQUAL(whole, kFramesPerSample);
  report->cell("read", Any::kName, payload, 1).samples.push_back(nanoseconds);
}

// One core a writer while there are enough: left alone, the scheduler at times puts two on one core, where they take
// turns and never meet.
void pin(uint32_t node) {
  cpu_set_t allowed, one;
  CHECK(sched_getaffinity(0, sizeof allowed, &allowed) == 0);
  int wanted = static_cast<int>(node) % CPU_COUNT(&allowed);
  for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
    if (!CPU_ISSET(cpu, &allowed) || wanted-- > 0) continue;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    CHECK(sched_setaffinity(0, sizeof one, &one) == 0);
    return;
  }
}

struct Storm {
  uint64_t ready, go, stop;
  struct Result {
    uint64_t frames;
    double began, ended, onCpu;
    uint64_t pad[4];
  } results[kFleetSize];
};

double cpu_seconds_now() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// Frames a second of `writers` processes at once, all told; `quiet`: none of them was put off its core for long.
template <typename Any>
double storm_once(Any& ring, uint32_t writers, double seconds, bool* quiet) {
  static Storm* shared = static_cast<Storm*>(shared_bytes(sizeof(Storm)));
  memset(static_cast<void*>(shared), 0, sizeof(Storm));
  uint64_t head = ring.head(), warm = 2 * kCapacity;
  std::vector<pid_t> children;
  for (uint32_t node = 0; node < writers; node++) {
    pid_t child = fork();
    CHECK(child >= 0);
    if (child > 0) {
      children.push_back(child);
      continue;
    }
    pin(node);
    typename Any::Side side(ring, node);
    for (uint32_t i = 0; i < warm; i++) side.write(g_payload, kStormPayload);  // page tables, caches
    add_relaxed(&shared->ready, 1);
    while (load_acquire(&shared->go) == 0) sched_yield();
    Storm::Result* result = &shared->results[node];
    double onCpu = cpu_seconds_now();
    result->began = seconds_now();
    uint64_t frames = 0;
    while (load_relaxed(&shared->stop) == 0) {
      for (uint32_t i = 0; i < 64; i++, frames++) {
        memcpy(g_payload, &frames, 8);
        side.write(g_payload, kStormPayload);
      }
    }
    result->ended = seconds_now();
    result->onCpu = cpu_seconds_now() - onCpu;
    result->frames = frames;
    _exit(0);
  }
  while (load_acquire(&shared->ready) < writers) usleep(100);
  store_release(&shared->go, 1);
  usleep(static_cast<useconds_t>(seconds * 1e6));
  store_release(&shared->stop, 1);
  for (pid_t child : children) {
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  uint64_t frames = 0;
  *quiet = true;
  double began = shared->results[0].began, ended = 0;
  for (uint32_t node = 0; node < writers; node++) {
    const Storm::Result& result = shared->results[node];
    frames += result.frames;
    began = std::min(began, result.began);
    ended = std::max(ended, result.ended);
    *quiet = *quiet && result.onCpu > 0.98 * (result.ended - result.began) && result.onCpu > 0.9 * seconds;
  }
  CHECK_EQUAL(ring.head(), head + frames + writers * warm);
  return static_cast<double>(frames) / (ended - began);
}

// Writers that share a core do not meet, so a storm that something else disturbed is blown again, a few times at most.
// One that never found the machine quiet is counted and left out: it would tell of the scheduler, and flatter two
// writers.
template <typename Any>
void storm(Report* report, Any& ring, uint32_t writers, double seconds) {
  double frames = 0;
  bool quiet = false;
  bool enoughCores = writers <= static_cast<uint32_t>(sysconf(_SC_NPROCESSORS_ONLN));
  for (int turn = 0; turn < 10 && !quiet; turn++) {
    frames = storm_once(ring, writers, seconds, &quiet);
    if (!enoughCores) break;
  }
  if (quiet || !enoughCores) report->cell("storm", Any::kName, kStormPayload, writers).samples.push_back(frames);
  g_disturbed += enoughCores && !quiet;
}

template <typename Any>
struct Rings {
  Any bySize[5], storm;
  Rings() {
    for (int i = 0; i < 5; i++) {
      bySize[i].create(kPayloads[i]);
      typename Any::Side side(bySize[i], 0);
      for (uint32_t frame = 0; frame < 2 * kCapacity; frame++) side.write(g_payload, kPayloads[i]);
    }
    storm.create(kStormPayload);
  }
};

// ---- output --------------------------------------------------------------------------------------------------------

struct Bar {
  std::string what;
  double value, limit;
  const char* verdict;
};

std::vector<Bar> bars(Report* report, int rounds) {
  auto median = [&](const char* operation, const char* driver, uint32_t payload, uint32_t writers) {
    return report->cell(operation, driver, payload, writers).at(0.5);
  };
  double cost = median("publish", "swap-publish", 64, 1) / median("publish", "seqlock", 64, 1);
  // Too few quiet storms, no verdict.
  size_t quiet = std::min(report->cell("storm", "swap-publish", 64, 1).samples.size(),
                          report->cell("storm", "swap-publish", 64, 2).samples.size());
  bool judged = 2 * quiet >= static_cast<size_t>(rounds);
  double one = median("storm", "swap-publish", 64, 1);
  double together = one > 0 ? median("storm", "swap-publish", 64, 2) / one : 0;
  return {{"publish 64 B, times the seqlock's", cost, 1.3, cost <= 1.3 ? "met" : "MISSED"},
          {"two writers' frames a second, times one writer's", together, 1.0,
           !judged           ? "not judged, the machine was busy"
           : together >= 1.0 ? "met"
                             : "MISSED"}};
}

std::string machine() {
  char line[256], model[256] = "unknown";
  if (FILE* file = fopen("/proc/cpuinfo", "r")) {
    while (fgets(line, sizeof line, file) != nullptr && sscanf(line, "model name : %255[^\n]", model) != 1) {
    }
    fclose(file);
  }
  utsname system;
  uname(&system);
  return std::string(model) + ", " + std::to_string(sysconf(_SC_NPROCESSORS_ONLN)) + " cores, " + system.sysname + " " +
         system.release + ", " + system.machine + ", compiler " + __VERSION__;
}

void print_table(Report* report, int rounds) {
  printf("ring.h alone: capacity %u, %d rounds; median (p10..p90)\n%s\n\n", kCapacity, rounds, machine().c_str());
  printf("%-9s %8s  %-15s %10s  %-18s %s\n", "operation", "payload", "driver", "ns/frame", "p10..p90", "x seqlock");
  for (const Cell& cell : report->cells) {
    if (cell.operation == "storm") continue;
    double rival = report->cell(cell.operation.c_str(), "seqlock", cell.payload, 1).at(0.5);
    printf("%-9s %8u  %-15s %10.1f  %7.1f..%-9.1f %.2f\n", cell.operation.c_str(), cell.payload, cell.driver.c_str(),
           cell.at(0.5), cell.at(0.1), cell.at(0.9), cell.at(0.5) / rival);
  }
  printf("\n%-9s %8s  %-15s %10s  %-18s %s\n", "writers", "payload", "driver", "Mframes/s", "p10..p90", "x one writer");
  for (const Cell& cell : report->cells) {
    if (cell.operation != "storm") continue;
    double one = report->cell("storm", cell.driver.c_str(), cell.payload, 1).at(0.5);
    printf("%-9u %8u  %-15s %10.1f  %7.1f..%-9.1f %.2f\n", cell.writers, cell.payload, cell.driver.c_str(),
           cell.at(0.5) / 1e6, cell.at(0.1) / 1e6, cell.at(0.9) / 1e6, one > 0 ? cell.at(0.5) / one : 0);
  }
  printf("%d storms were disturbed by other work on the machine\n\n", g_disturbed);
  for (const Bar& bar : bars(report, rounds)) {
    printf("bar: %s: %.2f, limit %.2f: %s\n", bar.what.c_str(), bar.value, bar.limit, bar.verdict);
  }
}

void print_json(Report* report, int rounds) {
  printf("{\"machine\":\"%s\",\"unixTime\":%lld,\"capacity\":%u,\"rounds\":%d,\"disturbedStorms\":%d,\"cells\":[",
         machine().c_str(), static_cast<long long>(time(nullptr)), kCapacity, rounds, g_disturbed);
  const char* comma = "";
  for (const Cell& cell : report->cells) {
    printf(
        "%s\n{\"operation\":\"%s\",\"driver\":\"%s\",\"payloadBytes\":%u,\"writers\":%u,\"unit\":\"%s\","
        "\"median\":%.3f,\"p10\":%.3f,\"p90\":%.3f}",
        comma, cell.operation.c_str(), cell.driver.c_str(), cell.payload, cell.writers,
        cell.operation == "storm" ? "frames/s" : "ns/frame", cell.at(0.5), cell.at(0.1), cell.at(0.9));
    comma = ",";
  }
  printf("],\n\"bars\":[");
  comma = "";
  for (const Bar& bar : bars(report, rounds)) {
    printf("%s\n{\"what\":\"%s\",\"value\":%.3f,\"limit\":%.3f,\"verdict\":\"%s\"}", comma, bar.what.c_str(), bar.value,
           bar.limit, bar.verdict);
    comma = ",";
  }
  printf("]}\n");
}

}  // namespace

int main(int count, char** words) {
  bool json = false;
  int rounds = 40;
  double stormSeconds = 0.02;
  for (int i = 1; i < count; i++) {
    if (strcmp(words[i], "--json") == 0) {
      json = true;
    } else if (strcmp(words[i], "--rounds") == 0 && i + 1 < count && atoi(words[i + 1]) > 0) {
      rounds = atoi(words[++i]);
    } else if (strcmp(words[i], "--storm-ms") == 0 && i + 1 < count && atoi(words[i + 1]) > 0) {
      stormSeconds = atoi(words[++i]) / 1e3;
    } else {
      fprintf(stderr, "usage: %s [--json] [--rounds N] [--storm-ms N]\n", words[0]);
      return 2;
    }
  }
  Rings<SwapRing> swap;
  Rings<SequenceRing<true>> sequence;
  Rings<SequenceRing<false>> plain;
  Report report;
  for (int round = 0; round < rounds; round++) {
    for (int i = 0; i < 5; i++) {
      sample_one_process(&report, swap.bySize[i], kPayloads[i]);
      sample_one_process(&report, sequence.bySize[i], kPayloads[i]);
      sample_one_process(&report, plain.bySize[i], kPayloads[i]);
    }
    for (uint32_t writers : kWriters) {
      storm(&report, swap.storm, writers, stormSeconds);
      storm(&report, sequence.storm, writers, stormSeconds);
    }
  }
  if (json) {
    print_json(&report, rounds);
  } else {
    print_table(&report, rounds);
  }
  return 0;
}
