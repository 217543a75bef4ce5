// A SIGKILL, and a look, at every single instruction of a noted value: the last whole value of the node can be read at
// each of them, and the next owner of the node goes on.
#ifndef __linux__
#include <stdio.h>
int main() {
  puts("step_latest_test: skipped, it needs Linux's ptrace");
  return 0;
}
#else

#include "protocol/latest.h"
#include "step.h"

using namespace orbit;

namespace {

constexpr uint32_t kNode = 1, kValueBytes = 20;

RingSpec spec_of_ring() {
  RingSpec spec;
  spec.typeKind = 7;
  spec.capacity = 1;
  spec.payloadBytes = kValueBytes;
  spec.fleetSize = 2;
  spec.fingerprint = 1;
  return spec;
}

void note(const Ring& ring, uint64_t incarnation, uint64_t name) {
  uint8_t value[kValueBytes];
  memset(value, static_cast<int>(name), sizeof value);
  Writer writer;
  writer.ring = ring;
  writer.node = kNode;
  note_latest(writer, incarnation, name, value, kValueBytes);
}

// The name of the value that can be read, which is whole; 0: none.
uint64_t name_of(const Ring& ring) {
  LatestHeader header;
  uint8_t value[kValueBytes + 4];
  if (read_latest(ring, kNode, &header, value) != RingStatus::kOk) return 0;
  CHECK_EQUAL(header.length, kValueBytes);
  CHECK_EQUAL(header.incarnation, header.position == 200 ? 2 : 1);
  for (uint32_t i = 0; i < kValueBytes; i++) CHECK_EQUAL(value[i], header.position);
  return header.position;
}

// False: the value was noted before instruction `at`.
bool kill_at(const Ring& ring, Progress* progress, uint64_t made, uint64_t at, uint64_t* counted) {
  format_ring(ring.header, spec_of_ring(), 0);
  for (uint64_t name = 1; name <= made; name++) note(ring, 1, name);
  pid_t child = start(progress, [&] { note(ring, 1, made + 1); });
  uint64_t seen = made;
  bool isInside = step_into(child, progress, at, [&] {
    uint64_t name = name_of(ring);
    CHECK(name == seen || (seen == made && name == made + 1));
    seen = name;
  });
  kill_child(child);
  CHECK_EQUAL(name_of(ring), seen);
  CHECK(isInside || seen == made + 1);
  note(ring, 2, 200);
  CHECK_EQUAL(name_of(ring), 200);
  *counted += seen == made + 1;
  return isInside;
}

}  // namespace

int main(int count, char** words) {
  parse_options(count, words);
  if (!can_trace()) {
    puts("step_latest_test: skipped, ptrace is forbidden here");
    return skipped();
  }
  alarm(kWatchdogSeconds);
  stay_on_one_processor();
  uint64_t bytes = ring_bytes(spec_of_ring());
  void* base = shared_memory(bytes);
  Progress* progress = static_cast<Progress*>(shared_memory(sizeof(Progress)));
  format_ring(base, spec_of_ring(), 0);
  Ring ring;
  CHECK(attach_ring(base, bytes, &ring) == AttachStatus::kOk);
  for (uint64_t made = 0; made < 3; made++) {
    uint64_t kills = 0, counted = 0;
    while (kill_at(ring, progress, made, kills++, &counted)) continue;
    printf("value %llu: %llu kills, %llu after it was counted\n", static_cast<unsigned long long>(made + 1),
           static_cast<unsigned long long>(kills), static_cast<unsigned long long>(counted));
    CHECK(kills > 15);
    CHECK(counted > 0 && counted < kills);
  }
  return 0;
}
#endif
