// A storm over an inbox object: senders, owners, callers and servers are killed and stopped at random times, and others
// take their nodes and boxes. Every accepted message is delivered, to each owner in order and once. No caller takes an
// answer that is not its own, no handler begins twice, and what a caller learns of a dead server's progress is true.
#ifndef __linux__
#include <stdio.h>
int main() {
  puts("storm_inbox_test: skipped, it needs Linux");
  return 0;
}
#else

#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "boxes.h"
#include "child.h"

using namespace orbit;

namespace {

constexpr uint32_t kClients = 4, kOwner = kClients, kChildren = kClients + 1, kFleetSize = 8;
constexpr uint64_t kMostNames = 1 << 21;
constexpr long kLongestPauseNs = 1500000;

// What the processes write down, in shared memory of the test's own.
struct Notes {
  uint64_t lives;  // incarnations of owners
  uint64_t clientsMustLeave, ownerMustLeave;
  uint64_t begun[kClients];  // names that a client has begun to send
  uint64_t answered, givenUp, cancelled, deaths, full, names;
  uint8_t accepted[kClients][kMostNames];   // send has returned
  uint8_t delivered[kClients][kMostNames];  // to an owner
  uint8_t ran[kMostNames];                  // the handler of this call
  uint8_t isCancelled[kMostNames];          // cancel_call returned true
};

struct Storm {
  Ring ring;
  Notes* notes;
  void (*be_client)(const Storm&, uint32_t node);
  void (*be_owner)(const Storm&);
  bool (*has_enough)(const Storm&);  // without it, the storm goes on
  void (*check)(const Storm&);
  Random random;
  pid_t children[kChildren] = {};
  bool isStopped[kChildren] = {};
  uint64_t kills = 0, stops = 0;
};

bool must_leave(const uint64_t* word) { return load_acquire(word) != 0; }

// ---- messages ------------------------------------------------------------------------------------------------------

void send_names(const Storm& storm, uint32_t node) {
  Peer peer(storm.ring, node);
  Notes* notes = storm.notes;
  // The name that a death left in doubt is not sent again.
  for (uint64_t name = load_acquire(&notes->begun[node]) + 1; name < kMostNames; name++) {
    store_release(&notes->begun[node], name);
    uint64_t words[2] = {name, name * 3 + node}, position;
    InboxStatus status;
    Message message{nullptr, 0, words, sizeof words, 1, name};
    while ((status = send(&peer.writer, &peer.sender, message, &position)) == InboxStatus::kFull) {
      if (must_leave(&notes->clientsMustLeave)) return;
      sched_yield();
    }
    CHECK(status == InboxStatus::kOk);
    notes->accepted[node][name] = 1;
    if (must_leave(&notes->clientsMustLeave)) return;
  }
}

// The owner before is dead when this one begins.
void own(const Storm& storm, Peer* peer, uint32_t box) {
  uint64_t present, life = __atomic_add_fetch(&storm.notes->lives, 1, __ATOMIC_SEQ_CST);
  auto isAlive = [&](uint32_t, uint64_t incarnation) { return incarnation >= life; };
  CHECK(own_box(box_of(storm.ring, box), kOwner, life, isAlive, &peer->consumer, &present) == InboxStatus::kOk);
  CHECK_EQUAL(peer->consumer.next, floor_of(peer->consumer.box));
}

void take_names(const Storm& storm) {
  Peer peer(storm.ring, kOwner);
  own(storm, &peer, 0);
  Random random{static_cast<uint64_t>(getpid())};
  uint64_t newest[kClients] = {};
  for (;;) {
    bool isLast = must_leave(&storm.notes->ownerMustLeave);
    Frame frame;
    uint64_t words[8];
    InboxStatus status = receive(&peer.consumer, &frame, words);
    if (status == InboxStatus::kNotYet) {
      peer.commit();
      if (isLast) return;
      sched_yield();
      continue;
    }
    CHECK(status == InboxStatus::kOk);
    CHECK(frame.node < kClients && frame.length == 16 && frame.version == words[0]);
    CHECK_EQUAL(words[1], words[0] * 3 + frame.node);
    CHECK(words[0] > newest[frame.node]);  // B3
    newest[frame.node] = words[0];
    storm.notes->delivered[frame.node][words[0]] = 1;
    if (random.below(3) == 0) commit(&peer.consumer, peer.consumer.next - random.below(2));
  }
}

bool has_moved_names(const Storm& storm) { return storm.kills > 0 && head_of(box_of(storm.ring, 0)) > 0; }

void check_names(const Storm& storm) {
  uint64_t accepted = 0, delivered = 0;
  for (uint32_t node = 0; node < kClients; node++) {
    for (uint64_t name = 0; name < kMostNames; name++) {
      accepted += storm.notes->accepted[node][name];
      delivered += storm.notes->delivered[node][name];
      CHECK(storm.notes->delivered[node][name] || !storm.notes->accepted[node][name]);
    }
  }
  uint64_t head = head_of(box_of(storm.ring, 0));
  CHECK_EQUAL(floor_of(box_of(storm.ring, 0)), head);
  CHECK_EQUAL(delivered, head);  // in doubt or not: each once
  CHECK(accepted <= head && head <= accepted + storm.kills);
  printf("  %llu messages, %llu kills, %llu stops, %llu owners, %llu burned\n", static_cast<unsigned long long>(head),
         static_cast<unsigned long long>(storm.kills), static_cast<unsigned long long>(storm.stops),
         static_cast<unsigned long long>(storm.notes->lives),
         static_cast<unsigned long long>(storm.ring.header->burned));
}

// ---- calls ---------------------------------------------------------------------------------------------------------

constexpr uint32_t kServerBox = 4, kReplies = 4, kStampWords = 4;

void count(uint64_t* word) { __atomic_fetch_add(word, 1, __ATOMIC_RELAXED); }

// Waits for the answer; gives up after a while, or when the server has died. True: the answer is there.
bool await_answer(const Storm& storm, Peer* peer, const ReplyTo& to, uint64_t name, uint64_t server,
                  uint64_t patience) {
  const Box& box = peer->sender.box;
  while (is_pending(storm.ring, to)) {
    bool hasDied = owner_of(box) != server;
    if (!hasDied && patience-- > 0) {
      sched_yield();
      continue;
    }
    if (hasDied) count(&storm.notes->deaths);
    bool isCancelled = cancel_call(storm.ring, to);
    if (isCancelled) storm.notes->isCancelled[name] = 1;
    if (isCancelled) count(&storm.notes->cancelled);
    if (settle_call(&peer->writer, to, kGivenUp, nullptr, 0)) return false;
    CHECK(!isCancelled);  // a cancelled call has no answer
  }
  return true;
}

void call_names(const Storm& storm, uint32_t node) {
  Peer peer(storm.ring, node, kServerBox);
  Random random{static_cast<uint64_t>(getpid())};
  renew_replies(&peer.writer, node);
  for (;;) {
    uint64_t name = __atomic_add_fetch(&storm.notes->names, 1, __ATOMIC_RELAXED);
    if (name >= kMostNames || must_leave(&storm.notes->clientsMustLeave)) return;
    uint64_t server = owner_of(peer.sender.box);
    ReplyTo to = open_call(storm.ring, reply_slot(storm.ring, node, static_cast<uint32_t>(random.below(kReplies))));
    RequestHeader header{kWantsReply, 0, to.slot, to.stamp};
    uint64_t position;
    Message message{&header, sizeof header, &name, sizeof name, 0, 0};
    InboxStatus status = send(&peer.writer, &peer.sender, message, &position);
    if (status == InboxStatus::kFull) {
      count(&storm.notes->full);
      sched_yield();
      continue;
    }
    CHECK(status == InboxStatus::kOk);
    if (!await_answer(storm, &peer, to, name, server, random.below(8) == 0 ? random.below(20) : 100000)) {
      count(&storm.notes->givenUp);
      continue;
    }
    Frame frame;
    uint64_t answer[kStampWords + 4];
    CHECK(take_reply(storm.ring, to, &frame, answer));
    CHECK(frame.frameKind == kAnswered && frame.length == 8 && answer[0] == name * 7);  // C1: its own answer
    CHECK_EQUAL(progress_at(storm.ring, to), kDone);
    count(&storm.notes->answered);
  }
}

void serve_names(const Storm& storm) {
  Peer peer(storm.ring, kOwner);
  own(storm, &peer, kServerBox);
  for (;;) {
    bool isLast = must_leave(&storm.notes->ownerMustLeave);
    Frame frame;
    uint64_t words[8];
    InboxStatus status = receive(&peer.consumer, &frame, words);
    if (status == InboxStatus::kNotYet) {
      if (isLast) return;
      sched_yield();
      continue;
    }
    CHECK(status == InboxStatus::kOk && frame.length == 24);
    RequestHeader header;
    memcpy(&header, words, sizeof header);
    ReplyTo to{header.slot, header.stamp};
    if (begin_call(storm.ring, to)) {
      CHECK_EQUAL(storm.notes->ran[words[2]]++, 0);  // C2
      uint64_t answer = words[2] * 7;
      finish_call(storm.ring, to);
      settle_call(&peer.writer, to, kAnswered, &answer, sizeof answer);
    }
    peer.commit();
  }
}

bool has_seen_each_end(const Storm& storm) {
  const Notes* notes = storm.notes;
  return storm.kills > 0 && load_acquire(&notes->answered) > 0 && load_acquire(&notes->givenUp) > 0 &&
         load_acquire(&notes->cancelled) > 0;
}

void check_calls(const Storm& storm) {
  const Notes& notes = *storm.notes;
  for (uint64_t name = 0; name < kMostNames; name++) CHECK(!notes.ran[name] || !notes.isCancelled[name]);  // C2
  auto number = [](uint64_t value) { return static_cast<unsigned long long>(value); };
  printf(
      "  %llu calls answered, %llu given up (%llu after a death, %llu not begun), %llu refused, %llu kills, %llu "
      "stops\n",
      number(notes.answered), number(notes.givenUp), number(notes.deaths), number(notes.cancelled), number(notes.full),
      number(storm.kills), number(storm.stops));
}

// ---- the storm -----------------------------------------------------------------------------------------------------

void start(Storm* storm, uint32_t child) {
  storm->children[child] = start_child([=] {
    setpriority(PRIO_PROCESS, 0, 0);
    if (child < kClients) {
      storm->be_client(*storm, child);
    } else {
      storm->be_owner(*storm);
    }
  });
  storm->isStopped[child] = false;
}

void strike(Storm* storm) {
  uint32_t child = static_cast<uint32_t>(storm->random.below(kChildren));
  pid_t pid = storm->children[child];
  if (storm->random.below(3) == 0) {
    CHECK_EQUAL(kill(pid, storm->isStopped[child] ? SIGCONT : SIGSTOP), 0);
    storm->isStopped[child] = !storm->isStopped[child];
    storm->stops += storm->isStopped[child];
    return;
  }
  int status;
  CHECK_EQUAL(kill(pid, SIGKILL), 0);
  CHECK_EQUAL(waitpid(pid, &status, 0), pid);
  CHECK(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : WEXITSTATUS(status) == 0);
  storm->kills++;
  start(storm, child);
}

void send_home(Storm* storm, uint64_t* mustLeave, uint32_t from, uint32_t to) {
  store_release(mustLeave, 1);
  for (uint32_t child = from; child < to; child++) {
    int status;
    CHECK_EQUAL(kill(storm->children[child], SIGCONT), 0);
    CHECK_EQUAL(waitpid(storm->children[child], &status, 0), storm->children[child]);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
}

void blow(Storm* storm, const RingSpec& spec, double seconds, uint64_t seed) {
  uint64_t bytes = (ring_bytes(spec) + 65535) / 65536 * 65536;
  void* base = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  void* notes = mmap(nullptr, sizeof(Notes), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(base != MAP_FAILED && notes != MAP_FAILED);
  storm->ring = format_boxes(base, spec);
  storm->notes = static_cast<Notes*>(notes);
  storm->random.state = seed;
  for (uint32_t child = 0; child < kChildren; child++) start(storm, child);
  for (double end = seconds_now() + seconds;; strike(storm)) {
    bool isOver = seconds_now() >= end;
    if (isOver && storm->has_enough(*storm)) break;
    // On a busy machine, a process needs a longer life to get anywhere.
    timespec pause{0, static_cast<long>(storm->random.below(isOver ? 20 * kLongestPauseNs : kLongestPauseNs))};
    nanosleep(&pause, nullptr);
  }
  CHECK_EQUAL(kill(storm->children[kOwner], SIGCONT), 0);
  send_home(storm, &storm->notes->clientsMustLeave, 0, kClients);
  send_home(storm, &storm->notes->ownerMustLeave, kOwner, kChildren);
  storm->check(*storm);
  check_chunks(storm->ring);
  munmap(base, bytes);
  munmap(notes, sizeof(Notes));
}

}  // namespace

int main(int count, char** words) {
  Options options = parse_options(count, words);
  alarm(static_cast<unsigned>(options.seconds) + 120);  // a watchdog, nothing more; the children die with us
  setpriority(PRIO_PROCESS, 0, -10);
  for (uint32_t capacity : {1u, 4u, 64u}) {
    Storm storm{{}, nullptr, send_names, take_names, has_moved_names, check_names, {0}};
    blow(&storm, box_spec(1, capacity, 0, 32, kFleetSize), options.seconds / 6, options.seed + capacity);
  }
  Storm storm{{}, nullptr, call_names, serve_names, has_seen_each_end, check_calls, {0}};
  blow(&storm, box_spec(8, kReplies, kReplies, 32, kFleetSize), options.seconds / 2, options.seed);
  return 0;
}
#endif
