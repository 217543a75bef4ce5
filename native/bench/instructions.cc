// Publishes or reads a number of frames and does nothing else, so that an emulator can count its instructions:
// bench/instructions.sh compares two runs of different lengths.
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "protocol/ring.h"
#include "protocol/settle.h"
#include "test/check.h"

using namespace orbit;

namespace {

constexpr uint32_t kPayloadBytes = 4096;

void attach_new_ring(Ring* ring) {
  RingSpec spec;
  spec.typeKind = 1;
  spec.capacity = 8;
  spec.payloadBytes = kPayloadBytes;
  spec.fleetSize = 2;
  void* base = mmap(nullptr, ring_bytes(spec), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(base != MAP_FAILED);
  format_ring(base, spec, 0);
  CHECK(attach_ring(base, ring_bytes(spec), ring) == AttachStatus::kOk);
}

}  // namespace

int main(int count, char** words) {
  bool publishes = count == 4 && strcmp(words[1], "publish") == 0;
  uint32_t bytes = count == 4 ? static_cast<uint32_t>(atoi(words[3])) : kPayloadBytes + 1;
  if (bytes > kPayloadBytes || (!publishes && strcmp(words[1], "read") != 0)) {
    fprintf(stderr, "usage: %s publish|read FRAMES BYTES (at most %u)\n", words[0], kPayloadBytes);
    return 2;
  }
  Ring ring;
  Writer writer;
  Frame frame;
  uint8_t payload[kPayloadBytes] = {};
  attach_new_ring(&ring);
  CHECK(become_writer(ring, 0, &writer) == RingStatus::kOk);
  uint64_t position;
  CHECK(publish(&writer, payload, bytes, 7, 9, &position) == RingStatus::kOk);
  for (int i = atoi(words[2]); i > 0; i--) {
    RingStatus status =
        publishes ? publish(&writer, payload, bytes, 7, 9, &position) : read_frame(ring, position, &frame, payload);
    CHECK(status == RingStatus::kOk);
  }
  return 0;
}
