// A storm of SIGKILL, SIGSTOP and SIGCONT over six writing and two reading processes, all proved by counting.
//
// A killed writer's node is taken over at once by a fresh process, once waitpid has proved the death. Every round ends
// with a calm: all writers leave, the ring is counted through, then audited, as a joiner without other members does.
#ifndef __linux__
#include <stdio.h>
int main() {
  puts("storm_test: skipped, its children need Linux's parent-death signal");
  return 0;
}
#else

#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <vector>

#include "check.h"
#include "child.h"
#include "protocol/cursor.h"
#include "protocol/settle.h"

using namespace orbit;

namespace {

constexpr uint32_t kKind = 77, kPayloadBytes = 120, kFleetSize = 8;
constexpr uint32_t kWriters = 6, kReaders = 2, kChildren = kWriters + kReaders;
constexpr double kRoundSeconds = 0.25;
constexpr uint64_t kLongestPauseNs = 800000;
constexpr int kNoSpareExit = 3;
constexpr uint32_t kBatch = 64;

// One line per writer: how many frames it began and how many publishes returned, over all its lives.
struct alignas(64) WriterLog {
  uint64_t begun, returned;
};
struct alignas(64) ReaderLog {
  uint64_t frames, lost;
};
struct Shared {
  uint64_t writersLeave, readersLeave;
  WriterLog writers[kWriters];
  ReaderLog readers[kReaders];
};

struct Tally {
  uint64_t frames = 0, read = 0, lost = 0;
  uint64_t kills = 0, writerKills = 0, stops = 0, burned = 0, withoutSpare = 0, rounds = 0;
};

struct Storm {
  Ring ring;
  Shared* shared;
  uint64_t mappedBytes;
  Random random;
  Tally tally;
  pid_t children[kChildren] = {};  // 0: a node that found no spare chunk rests until the next audit
  bool stopped[kChildren] = {};
  bool killed[kChildren] = {};
  uint64_t resting = 0;
};

// ---- payloads that check themselves --------------------------------------------------------------------------------

// The length and every word follow from (node, name); a mixed or torn frame contradicts itself.
uint32_t length_of(uint32_t node, uint64_t name) {
  return static_cast<uint32_t>((name * 37 + node * 11) % (kPayloadBytes + 1));
}

uint64_t word_of(uint32_t node, uint64_t name, uint32_t index) {
  return (name * 8 + node + 1) * 0x9e3779b97f4a7c15 + index * 0xff51afd7ed558ccd;
}

uint32_t fill(uint8_t* payload, uint32_t node, uint64_t name) {
  uint32_t length = length_of(node, name);
  for (uint32_t at = 0; at < length; at += 8) {
    uint64_t word = word_of(node, name, at / 8);
    memcpy(payload + at, &word, length - at < 8 ? length - at : 8);
  }
  return length;
}

void check_whole(const Frame& frame, const uint8_t* payload) {
  uint8_t expected[kPayloadBytes];
  CHECK(frame.node < kWriters);
  CHECK_EQUAL(frame.length, fill(expected, frame.node, frame.version));
  CHECK_EQUAL(frame.frameKind, frame.version & 0xff);
  CHECK(memcmp(payload, expected, frame.length) == 0);
}

// ---- the processes -------------------------------------------------------------------------------------------------

[[noreturn]] void write_frames(const Storm& storm, uint32_t node) {
  Writer writer;
  RingStatus settled = become_writer(storm.ring, node, &writer);
  if (settled == RingStatus::kNoSpare) _exit(kNoSpareExit);
  CHECK(settled == RingStatus::kOk);
  WriterLog* log = &storm.shared->writers[node];
  uint8_t payload[kPayloadBytes];
  while (load_acquire(&storm.shared->writersLeave) == 0) {
    uint64_t name = load_relaxed(&log->begun) + 1;
    store_release(&log->begun, name);
    uint32_t length = fill(payload, node, name);
    uint64_t position;
    CHECK(publish(&writer, payload, length, static_cast<uint8_t>(name), name, &position) == RingStatus::kOk);
    store_release(&log->returned, load_relaxed(&log->returned) + 1);
  }
  _exit(0);
}

// Positions only grow, a node's names only grow (over its deaths too), and every position passed is read or lost.
[[noreturn]] void read_frames(const Storm& storm, uint32_t reader) {
  const Ring& ring = storm.ring;
  CHECK_EQUAL(mprotect(ring.header, storm.mappedBytes, PROT_READ), 0);
  uint64_t first = head_of(ring), position = first, frames = 0, lost = 0;
  uint64_t newest[kWriters] = {};
  uint8_t payload[kPayloadBytes];
  for (bool isLast = false; !isLast;) {
    isLast = load_acquire(&storm.shared->readersLeave) != 0;
    uint64_t previous = position;
    auto keep = [&](const Frame& frame) {
      CHECK(frame.position >= previous && frame.position >= first);
      previous = frame.position + 1;
      check_whole(frame, payload);
      CHECK(frame.version > newest[frame.node]);
      newest[frame.node] = frame.version;
      return Verdict::kKeep;
    };
    Poll poll;
    do {
      poll = poll_frames(
          ring, position, kBatch, false, [&](uint32_t) { return payload; }, keep);
      CHECK_EQUAL(poll.from, position);
      CHECK_EQUAL(poll.malformed, 0);
      CHECK(previous <= poll.to);
      frames += poll.count;
      lost += poll.lost;
      position = poll.to;
    } while (isLast && poll.count + poll.lost > 0);
    CHECK_EQUAL(frames + lost, position - first);
  }
  CHECK_EQUAL(position, search_head(ring));
  store_release(&storm.shared->readers[reader].frames, load_relaxed(&storm.shared->readers[reader].frames) + frames);
  store_release(&storm.shared->readers[reader].lost, load_relaxed(&storm.shared->readers[reader].lost) + lost);
  _exit(0);
}

void start(Storm* storm, uint32_t child) {
  storm->children[child] = start_child([=] {
    setpriority(PRIO_PROCESS, 0, 0);
    if (child < kWriters) write_frames(*storm, child);
    read_frames(*storm, child - kWriters);
  });
  storm->stopped[child] = false;
}

// ---- the storm -----------------------------------------------------------------------------------------------------

// Otherwise the storm waits for its turn behind the processes that it kills, and strikes only at the ends of time
// slices. Without privilege it is refused: then there are fewer kills a second.
void hurry(pid_t pid) { setpriority(PRIO_PROCESS, static_cast<id_t>(pid), -10); }

// A child has ended, its death is proved: if it was killed, the next process takes over its node.
void bury(Storm* storm, pid_t pid, int status) {
  uint32_t child = 0;
  while (storm->children[child] != pid) CHECK(++child < kChildren);
  bool wasKilled = storm->killed[child];
  storm->children[child] = 0;
  storm->stopped[child] = storm->killed[child] = false;
  if (WIFEXITED(status)) {
    CHECK(WEXITSTATUS(status) == 0 || (WEXITSTATUS(status) == kNoSpareExit && child < kWriters));
    storm->resting += WEXITSTATUS(status) == kNoSpareExit;
    return;
  }
  CHECK(wasKilled && WTERMSIG(status) == SIGKILL);
  storm->tally.kills++;
  storm->tally.writerKills += child < kWriters;
  start(storm, child);
}

void strike(Storm* storm) {
  uint32_t child = static_cast<uint32_t>(storm->random.below(kChildren));
  pid_t pid = storm->children[child];
  if (pid == 0 || storm->killed[child]) return;
  if (storm->random.below(3) == 0) {
    CHECK_EQUAL(kill(pid, storm->stopped[child] ? SIGCONT : SIGSTOP), 0);
    storm->stopped[child] = !storm->stopped[child];
    storm->tally.stops += storm->stopped[child];
  } else if (child < kWriters || storm->random.below(16) == 0) {  // readers live longer: they have to read
    CHECK_EQUAL(kill(pid, SIGKILL), 0);
    hurry(pid);
    storm->killed[child] = true;
  }
}

void bury_the_dead(Storm* storm) {
  int status;
  for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) bury(storm, pid, status);
}

void pause_a_little(Random* random) {
  timespec pause{0, static_cast<long>(random->below(kLongestPauseNs))};
  nanosleep(&pause, nullptr);
}

// ---- the calm ------------------------------------------------------------------------------------------------------

void send_home(Storm* storm, uint64_t* leave, uint32_t from, uint32_t to) {
  store_release(leave, 1);
  for (uint32_t child = from; child < to; child++) {
    while (storm->children[child] != 0) {  // a killed one's successor has to leave as well
      pid_t pid = storm->children[child];
      int status;
      CHECK_EQUAL(kill(pid, SIGCONT), 0);
      CHECK_EQUAL(waitpid(pid, &status, 0), pid);
      bury(storm, pid, status);
    }
  }
  store_release(leave, 0);
}

// A publish that returned is in the ring; one that did not may be, once per kill.
void check_counts(const Storm& storm, uint64_t head) {
  uint64_t returned = 0, begun = 0;
  for (const WriterLog& log : storm.shared->writers) {
    returned += log.returned;
    begun += log.begun;
  }
  CHECK(returned <= head);
  CHECK(head <= returned + storm.tally.writerKills);
  CHECK(head <= begun);
}

// I3: what is retained is whole and in its writers' order, what is older is gone, what is newer is not there.
void check_frames(const Ring& ring, uint64_t head) {
  CHECK_EQUAL(head_of(ring), head);
  uint64_t oldest = oldest_of(ring, head), lapBefore = oldest > ring.mask ? oldest - ring.mask - 1 : 0;
  uint64_t newest[kWriters] = {};
  Frame frame;
  uint8_t payload[kPayloadBytes];
  for (uint64_t position = lapBefore; position < oldest; position++) {
    CHECK(read_frame(ring, position, &frame, payload) == RingStatus::kOverwritten);
  }
  for (uint64_t position = oldest; position < head; position++) {
    CHECK(read_frame(ring, position, &frame, payload) == RingStatus::kOk);
    check_whole(frame, payload);
    CHECK(frame.version > newest[frame.node]);
    newest[frame.node] = frame.version;
  }
  CHECK(read_frame(ring, head, &frame, payload) == RingStatus::kNotYet);
}

// I1: no chunk is in two places. Missing is one for each spare that was taken, and the hand of each node at rest.
void check_ownership(const Storm& storm, uint64_t resting) {
  const Ring& ring = storm.ring;
  std::vector<bool> seen(ring.chunkCount);
  uint64_t missing = ring.chunkCount;
  auto once = [&](uint64_t chunk) {
    CHECK(chunk < ring.chunkCount);
    CHECK(!seen[chunk]);
    seen[chunk] = true;
    missing--;
  };
  for (uint32_t i = 0; i <= ring.mask; i++) once(chunk_in(ring.slots[i]));
  uint64_t unsettled = 0;
  for (uint32_t node = 0; node < kFleetSize; node++) {
    if (ring.entries[node].intentPosition == 0) {
      once(ring.entries[node].hand);
    } else {
      unsettled++;
    }
  }
  CHECK_EQUAL(unsettled, resting);
  uint64_t taken = ring.header->sparesTaken < ring.spareCount ? ring.header->sparesTaken : ring.spareCount;
  for (uint64_t i = taken; i < ring.spareCount; i++) once(ring.spares[i]);
  CHECK_EQUAL(missing, taken + resting);
  CHECK(ring.header->burned <= taken);
}

void calm(Storm* storm) {
  send_home(storm, &storm->shared->writersLeave, 0, kWriters);
  send_home(storm, &storm->shared->readersLeave, kWriters, kChildren);
  uint64_t head = search_head(storm->ring);
  check_counts(*storm, head);
  check_frames(storm->ring, head);
  check_ownership(*storm, storm->resting);
  storm->tally.withoutSpare += storm->resting;
  storm->tally.burned += storm->ring.header->burned;
  std::vector<uint64_t> marks(audit_mark_words(storm->ring.chunkCount));
  CHECK(audit(storm->ring, marks.data()) == RingStatus::kOk);
  storm->resting = 0;
  check_ownership(*storm, 0);
  check_frames(storm->ring, head);
  storm->tally.frames = head;
  storm->tally.rounds++;
}

void blow(uint32_t capacity, double seconds, uint64_t seed) {
  RingSpec spec;
  spec.typeKind = kKind;
  spec.capacity = capacity;
  spec.payloadBytes = kPayloadBytes;
  spec.fleetSize = kFleetSize;
  Storm storm;
  storm.random.state = seed;
  storm.mappedBytes = (ring_bytes(spec) + 65535) / 65536 * 65536;
  void* base = mmap(nullptr, storm.mappedBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  void* shared = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(base != MAP_FAILED && shared != MAP_FAILED);
  storm.shared = static_cast<Shared*>(shared);
  format_ring(base, spec, 0);
  CHECK(attach_ring(base, ring_bytes(spec), &storm.ring) == AttachStatus::kOk);

  double end = seconds_now() + seconds;
  do {
    for (uint32_t child = 0; child < kChildren; child++) start(&storm, child);
    for (double roundEnd = seconds_now() + kRoundSeconds; seconds_now() < roundEnd;) {
      pause_a_little(&storm.random);
      strike(&storm);
      bury_the_dead(&storm);
    }
    calm(&storm);
  } while (seconds_now() < end);
  for (const ReaderLog& log : storm.shared->readers) {
    storm.tally.read += log.frames;
    storm.tally.lost += log.lost;
  }
  const Tally& tally = storm.tally;
  auto number = [](uint64_t value) { return static_cast<unsigned long long>(value); };
  printf(
      "capacity %u: %llu rounds, %llu kills (%llu of writers), %llu stops, %llu frames published, "
      "%llu read and %llu lost in readers that lived to the calm, %llu burned, %llu nodes without a spare\n",
      capacity, number(tally.rounds), number(tally.kills), number(tally.writerKills), number(tally.stops),
      number(tally.frames), number(tally.read), number(tally.lost), number(tally.burned), number(tally.withoutSpare));
  CHECK(tally.writerKills > 0 && tally.stops > 0 && tally.frames > 0 && tally.read > 0);
  munmap(base, storm.mappedBytes);
  munmap(shared, sizeof(Shared));
}

}  // namespace

int main(int count, char** words) {
  Options options = parse_options(count, words);
  alarm(static_cast<unsigned>(options.seconds) + 120);  // a watchdog, nothing more; the children die with us
  hurry(getpid());
  blow(8, options.seconds / 2, options.seed);
  blow(1024, options.seconds / 2, options.seed + 1);
  return 0;
}
#endif
