// Publishers and sleepers in threads: a sleeper has no timeout, so the test never ends after a single missed signal.
//
// A sleeper's bell is a pipe, as full and as deaf as a FIFO can be. A publisher publishes a few frames and goes on only
// when every sleeper has read them: each round ends with all asleep, and the next begins with all to be woken. The
// watchdog is the check; besides, every sleeper reads every frame in order.
#include <errno.h>
#include <fcntl.h>

#include <memory>
#include <thread>
#include <vector>

#include "check.h"
#include "protocol/settle.h"
#include "protocol/wake.h"

using namespace orbit;

namespace {

constexpr uint32_t kPublishers = 2, kSleepers = 3, kNodes = kPublishers + kSleepers;
constexpr uint32_t kBurst = 3;
constexpr uint32_t kCapacity = 8;  // no less than all that is unread at once: nothing is lost
static_assert(kCapacity >= kPublishers * kBurst + 1, "sleepers must be able to read every frame");
constexpr uint8_t kLastFrame = 255;

struct Pipe {
  int ends[2];
  Pipe() {
    CHECK(pipe(ends) == 0);
    CHECK(fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    for (int end : ends) close(end);
  }
};

struct Free {
  void operator()(void* memory) const { free(memory); }
};

struct Scene {
  std::unique_ptr<uint8_t, Free> base;
  uint64_t bytes;
  Pipe bells[kNodes];
  uint64_t seen[kNodes] = {};  // how many frames each sleeper has read
  uint64_t rings = 0, sleeps = 0, frames = 0;

  Scene() {
    RingSpec spec;
    spec.typeKind = 12;
    spec.capacity = kCapacity;
    spec.payloadBytes = 8;
    spec.fleetSize = kNodes;
    bytes = ring_bytes(spec);
    base.reset(static_cast<uint8_t*>(aligned_alloc(64, bytes)));
    memset(base.get(), 0, bytes);
    format_ring(base.get(), spec, 0);
  }
  Ring attach() const {
    Ring ring;
    CHECK(attach_ring(base.get(), bytes, &ring) == AttachStatus::kOk);
    return ring;
  }
};

void publish_one(Scene* scene, Writer* writer, uint8_t frameKind, uint64_t* position) {
  CHECK(publish(writer, "wake up!", 8, frameKind, 0, position) == RingStatus::kOk);
  add_relaxed(&scene->frames, 1);
  if (!has_sleepers(writer->ring)) return;
  wake_sleepers(writer->ring, [&](uint32_t node) {
    add_relaxed(&scene->rings, 1);
    CHECK(write(scene->bells[node].ends[1], "!", 1) == 1 || errno == EAGAIN);
  });
}

void publish_rounds(Scene* scene, uint32_t node, uint64_t seed, double end) {
  Writer writer;
  CHECK(become_writer(scene->attach(), node, &writer) == RingStatus::kOk);
  Random random{seed + node};
  while (seconds_now() < end) {
    uint64_t position = 0;
    for (uint64_t i = 1 + random.below(kBurst); i > 0; i--) publish_one(scene, &writer, 0, &position);
    for (uint32_t sleeper = kPublishers; sleeper < kNodes; sleeper++) {
      while (load_acquire(&scene->seen[sleeper]) <= position) std::this_thread::yield();
    }
    if (random.below(4) == 0) std::this_thread::yield();
  }
}

// As a fleet handle does it: look, arm, look again, sleep; woken, drain and poll. Now and then it stops waiting
// between.
void sleep_and_read(Scene* scene, uint32_t node, uint64_t seed) {
  Writer settled;
  CHECK(become_writer(scene->attach(), node, &settled) == RingStatus::kOk);
  const Ring& ring = settled.ring;
  Random random{seed + node};
  uint64_t next = 0;
  for (;;) {
    Frame frame;
    uint8_t payload[8];
    RingStatus status = read_frame(ring, next, &frame, payload);
    if (status == RingStatus::kOk) {
      CHECK_EQUAL(frame.position, next);
      store_release(&scene->seen[node], ++next);
      if (frame.frameKind == kLastFrame) break;
      continue;
    }
    CHECK(status == RingStatus::kNotYet);
    if (random.below(8) == 0) disarm(ring, node);
    if (fall_asleep(ring, node, next)) continue;
    uint8_t drained[64];
    CHECK(read(scene->bells[node].ends[0], drained, sizeof drained) > 0);
    add_relaxed(&scene->sleeps, 1);
  }
  disarm(ring, node);
}

}  // namespace

int main(int count, char** words) {
  Options options = parse_options(count, words);
  alarm(static_cast<unsigned>(options.seconds) + 15);  // the watchdog that a lost wake runs into
  Scene scene;
  double end = seconds_now() + options.seconds;
  std::vector<std::thread> sleepers, publishers;
  for (uint32_t node = kPublishers; node < kNodes; node++) {
    sleepers.emplace_back(sleep_and_read, &scene, node, options.seed);
  }
  for (uint32_t node = 0; node < kPublishers; node++) {
    publishers.emplace_back(publish_rounds, &scene, node, options.seed, end);
  }
  for (std::thread& thread : publishers) thread.join();
  Writer writer;
  CHECK(become_writer(scene.attach(), 0, &writer) == RingStatus::kOk);
  uint64_t last;
  publish_one(&scene, &writer, kLastFrame, &last);
  for (std::thread& thread : sleepers) thread.join();
  CHECK_EQUAL(last + 1, scene.frames);
  for (uint32_t node = kPublishers; node < kNodes; node++) {
    CHECK_EQUAL(scene.seen[node], scene.frames);
    CHECK_EQUAL(scene.attach().entries[node].arm % 2, 0);
  }
  CHECK_EQUAL(scene.attach().sleepers[0], 0);
  CHECK(scene.sleeps > 0);
  printf("threads_wake_test: %llu frames, %llu sleeps, %llu rings, no wake lost\n",
         static_cast<unsigned long long>(scene.frames), static_cast<unsigned long long>(scene.sleeps),
         static_cast<unsigned long long>(scene.rings));
  return 0;
}
