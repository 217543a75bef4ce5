// What table.h alone costs.
//
// Measured: nanoseconds a claim with its release, a renewal, a lost try, a find, one process, nobody else about; the
// bucket holds nothing else, or seven claims besides. Holders are taken for alive without asking: the question is a
// system call, and the caller's. Beside them an empty swap on one shared word, the least that a transition can cost.
//
// Method: every round measures each cell once, in turn. Told are the median and the 10th and 90th percentile over the
// rounds. `--json` prints one JSON document, `--rounds N` says how many.
#include <sys/mman.h>

#include <algorithm>
#include <string>
#include <vector>

#include "protocol/settle.h"
#include "protocol/table.h"
#include "test/check.h"

using namespace orbit;

namespace {

constexpr uint32_t kCapacity = 1024;
constexpr uint32_t kFleetSize = 8;
constexpr uint32_t kCallsPerSample = 20000;
constexpr uint64_t kNowMs = 1000, kTtlMs = 1000000;
constexpr char kLabel[] = "order:1234567";
constexpr char kOwner[] = "worker 7";

struct Cell {
  std::string operation;
  uint32_t others;
  std::vector<double> samples;
  double at(double share) const {
    std::vector<double> sorted = samples;
    std::sort(sorted.begin(), sorted.end());
    return sorted[static_cast<size_t>(share * static_cast<double>(sorted.size() - 1) + 0.5)];
  }
};

struct Report {
  std::vector<Cell> cells;
  Cell& cell(const char* operation, uint32_t others) {
    for (Cell& cell : cells) {
      if (cell.operation == operation && cell.others == others) return cell;
    }
    cells.push_back({operation, others, {}});
    return cells.back();
  }
};

bool everybody_lives(uint32_t, uint64_t) { return true; }

struct Bench {
  Ring ring;
  Writer writers[2];
  uint64_t* word;
  Subject subject = {kLabel, sizeof kLabel - 1, 0};

  // `others` more claims lie in the subject's bucket.
  explicit Bench(uint32_t others) {
    RingSpec spec;
    spec.typeKind = 222;
    spec.capacity = kCapacity;
    spec.payloadBytes = kCardBytes;
    spec.fleetSize = kFleetSize;
    uint64_t bytes = align_line(ring_bytes(spec));
    void* base = mmap(nullptr, bytes + 64, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    CHECK(base != MAP_FAILED);
    word = reinterpret_cast<uint64_t*>(static_cast<uint8_t*>(base) + bytes);
    format_table(base, spec, 0);
    CHECK(attach_table(base, ring_bytes(spec), &ring) == AttachStatus::kOk);
    for (uint32_t node = 0; node < 2; node++) CHECK(become_writer(ring, node, &writers[node]) == RingStatus::kOk);
    for (uint64_t which = 0; others > 0; which++) {
      Subject other = {&which, sizeof which, 1};
      if (bucket_of(ring, other) != bucket_of(ring, subject)) continue;
      must_claim(0, other);
      others--;
    }
  }
  uint64_t must_claim(uint32_t node, const Subject& wanted) {
    Claim claim;
    CHECK(try_claim(node, wanted, &claim) == TableStatus::kDone);
    return claim.token;
  }
  TableStatus try_claim(uint32_t node, const Subject& wanted, Claim* claim) {
    Request request = {wanted, kOwner, sizeof kOwner - 1, 1, kNowMs, 0, kTtlMs};
    uint64_t stamp;
    return claim_subject(&writers[node], request, everybody_lives, claim, &stamp);
  }
};

template <typename Call>
void sample(Report* report, const char* operation, uint32_t others, Call call) {
  double began = seconds_now();
  for (uint32_t i = 0; i < kCallsPerSample; i++) CHECK(call());
  report->cell(operation, others).samples.push_back((seconds_now() - began) * 1e9 / kCallsPerSample);
}

void sample_all(Report* report, Bench* bench, uint32_t others) {
  sample(report, "empty swap", others, [&] {
    uint64_t value = load_acquire(bench->word);
    return exchange_if(bench->word, value, value + 1);
  });
  sample(report, "claim + release", others, [&] {
    uint64_t token = bench->must_claim(0, bench->subject);
    return release_claim(&bench->writers[0], bench->subject, token, kNowMs) == TableStatus::kDone;
  });
  uint64_t token = bench->must_claim(0, bench->subject);
  sample(report, "renew", others,
         [&] { return renew_claim(&bench->writers[0], bench->subject, token, kTtlMs, kNowMs) == TableStatus::kDone; });
  Claim claim;
  sample(report, "lost try", others,
         [&] { return bench->try_claim(1, bench->subject, &claim) == TableStatus::kYield; });
  uint64_t stamp;
  sample(report, "find", others, [&] {
    return find_holder(bench->ring, bench->subject, kNowMs, everybody_lives, &claim, &stamp) == TableStatus::kDone;
  });
  CHECK(release_claim(&bench->writers[0], bench->subject, token, kNowMs) == TableStatus::kDone);
}

void print_table(Report* report, int rounds) {
  printf("\ntable.h alone: %u buckets, %d rounds; median (p10..p90)\n\n", kCapacity, rounds);
  printf("%-16s %14s %10s  %s\n", "operation", "other claims", "ns/call", "p10..p90");
  for (const Cell& cell : report->cells) {
    printf("%-16s %14u %10.1f  %7.1f..%.1f\n", cell.operation.c_str(), cell.others, cell.at(0.5), cell.at(0.1),
           cell.at(0.9));
  }
  double lost = report->cell("lost try", 0).at(0.5);
  printf("\nbar: lost try, ns: %.1f, limit 100: %s\n", lost, lost <= 100 ? "met" : "MISSED");
}

void print_json(Report* report, int rounds) {
  printf("{\"unixTime\":%lld,\"capacity\":%u,\"rounds\":%d,\"cells\":[", static_cast<long long>(time(nullptr)),
         kCapacity, rounds);
  const char* comma = "";
  for (const Cell& cell : report->cells) {
    printf(
        "%s\n{\"operation\":\"%s\",\"otherClaims\":%u,\"unit\":\"ns/call\",\"median\":%.3f,\"p10\":%.3f,\"p90\":%.3f}",
        comma, cell.operation.c_str(), cell.others, cell.at(0.5), cell.at(0.1), cell.at(0.9));
    comma = ",";
  }
  printf("]}\n");
}

}  // namespace

int main(int count, char** words) {
  bool json = false;
  int rounds = 40;
  for (int i = 1; i < count; i++) {
    if (strcmp(words[i], "--json") == 0) {
      json = true;
    } else if (strcmp(words[i], "--rounds") == 0 && i + 1 < count && atoi(words[i + 1]) > 0) {
      rounds = atoi(words[++i]);
    } else {
      fprintf(stderr, "usage: %s [--json] [--rounds N]\n", words[0]);
      return 2;
    }
  }
  Bench alone(0), crowded(7);
  Report report;
  for (int round = 0; round < rounds; round++) {
    sample_all(&report, &alone, 0);
    sample_all(&report, &crowded, 7);
  }
  if (json) {
    print_json(&report, rounds);
  } else {
    print_table(&report, rounds);
  }
  return 0;
}
