// A SIGSTOP with other processes going on at every single instruction of send, begin and answer; a SIGKILL at every one
// that writes of those, and of own, receive and commit, and of open and give up.
#ifndef __linux__
#include <stdio.h>
int main() {
  puts("step_inbox_test: skipped, it needs Linux's ptrace");
  return 0;
}
#else

#include <vector>

#define ORBIT_MOST_LOOKS 2
#include "boxes.h"
#include "step.h"

using namespace orbit;

namespace {

constexpr uint32_t kCapacity = 4, kBoxes = 2, kReplies = 4, kFleetSize = 5;
constexpr uint32_t kVictim = 0, kOther = 1, kOwner = 2, kHeir = 3, kWarm = 4;
constexpr uint64_t kName = 1000;  // of the message or answer under test

const RingSpec kSpec = box_spec(kBoxes, kCapacity, kReplies, 24, kFleetSize);

struct Scene {
  uint64_t bytes = 4096 + ring_bytes(kSpec);
  uint8_t* memory = static_cast<uint8_t*>(shared_memory(bytes));
  Progress* progress = reinterpret_cast<Progress*>(memory);
  Ring ring = format_boxes(memory + 4096, kSpec);
  Box box = box_of(ring, 0);
  uint64_t sent = 0;
  ~Scene() { munmap(memory, bytes); }
  Scene() = default;
  Scene(const Scene&) = delete;

  void fill(Peer* peer, uint64_t count) {
    for (uint64_t i = 0; i < count; i++) CHECK_EQUAL(peer->send(sent + i), sent + i);
    sent += count;
  }
};

// `prepare(scene)` gives what `act` needs; `audit(scene)` says whether the act has happened. A death leaves nothing but
// the shared bytes: one instruction between two changes of them represents all.
template <typename Prepare, typename Act, typename Audit>
void kill_everywhere(const char* title, Prepare prepare, Act act, Audit audit) {
  std::vector<uint64_t> points;
  {
    Scene scene;
    auto state = prepare(&scene);
    pid_t pid = start(scene.progress, [&] { act(&scene, state.get()); });
    points = instructions_that_write(pid, scene.progress, scene.memory, scene.bytes, [] {});
  }
  uint64_t happened = 0;
  for (uint64_t point : points) {
    Scene scene;
    auto state = prepare(&scene);
    pid_t pid = start(scene.progress, [&] { act(&scene, state.get()); });
    step_into(pid, scene.progress, point, [] {});
    kill_child(pid);
    happened += audit(&scene);
    check_chunks(scene.ring);
  }
  CHECK(points.back() > 50 && happened > 0 && happened < points.size());
  printf("  %-32s killed at %zu of %llu instructions, after %llu of them it had happened\n", title, points.size(),
         static_cast<unsigned long long>(points.back()), static_cast<unsigned long long>(happened));
}

// The victim stops, `others(scene)` says whether the act has happened and goes on, the victim goes on to its end; then
// `audit(scene)`.
template <typename Prepare, typename Act, typename Others, typename Audit>
void stop_everywhere(const char* title, Prepare prepare, Act act, Others others, Audit audit) {
  uint64_t instructions = 0, happened = 0;
  for (bool isInside = true; isInside; instructions++) {
    Scene scene;
    auto state = prepare(&scene);
    pid_t pid = start(scene.progress, [&] { act(&scene, state.get()); });
    isInside = step_into(pid, scene.progress, instructions, [] {});
    happened += others(&scene);
    CHECK_EQUAL(ptrace(PTRACE_CONT, pid, nullptr, nullptr), 0);
    finish_child(pid);
    audit(&scene);
    check_chunks(scene.ring);
  }
  CHECK(instructions > 50);
  printf("  %-32s stopped at each of %llu instructions, after %llu of them it had happened\n", title,
         static_cast<unsigned long long>(instructions), static_cast<unsigned long long>(happened));
}

// ---- send ----------------------------------------------------------------------------------------------------------

// A lap is full, of which two are committed; then one more is sent. The sender has not seen the floor yet.
std::unique_ptr<Peer> before_send(Scene* scene) {
  auto victim = std::make_unique<Peer>(scene->ring, kVictim);
  Peer warm(scene->ring, kWarm), owner(scene->ring, kOwner);
  scene->fill(victim.get(), 2);
  scene->fill(&warm, 2);
  owner.own();
  for (int i = 0; i < 2; i++) owner.receive();
  CHECK(owner.commit());
  scene->fill(&warm, 1);
  return victim;
}

void send_one(Scene* scene, Peer* victim) {
  uint64_t position;
  scene->progress->result = static_cast<uint64_t>(victim->try_send(kName, &position)) + 1;
  if (scene->progress->result == 1) wake_owner(victim->sender.box, [](uint32_t) {});
}

bool audit_send(Scene* scene) {
  uint64_t head = head_of(scene->box);
  bool isSent = head == 6;
  CHECK(isSent || head == 5);
  Peer other(scene->ring, kOther), heir(scene->ring, kHeir), next(scene->ring, kVictim);
  CHECK_EQUAL(other.is_full(), isSent);  // else the other has just sent 0
  CHECK(next.is_full());
  heir.own();
  for (uint64_t name : {uint64_t{2}, uint64_t{3}, uint64_t{4}, isSent ? kName : 0}) CHECK_EQUAL(heir.receive(), name);
  CHECK(heir.is_empty() && heir.commit());
  CHECK_EQUAL(next.send(7), 6);
  CHECK_EQUAL(heir.receive(), 7);
  return isSent;
}

// Others fill the box, and a new owner takes all: two laps go by.
bool go_on_sending(Scene* scene) {
  Peer other(scene->ring, kOther), owner(scene->ring, kHeir);
  owner.own();
  bool isSent = false;
  for (int lap = 0; lap < 2; lap++) {
    while (!other.is_full()) continue;
    for (int i = 0; i < 4; i++) isSent |= owner.receive() == kName;
    CHECK(owner.is_empty() && owner.commit());
  }
  return isSent;
}

// The victim has sent its message, once: before, or at the end.
void audit_late_send(Scene* scene) {
  CHECK_EQUAL(scene->progress->result, 1);
  Peer heir(scene->ring, kHeir), other(scene->ring, kOther);
  uint64_t floor = floor_of(scene->box), head = head_of(scene->box);
  CHECK(head == floor || head == floor + 1);
  heir.own();
  if (head > floor) CHECK_EQUAL(heir.receive(), kName);
  CHECK(heir.is_empty());
  heir.commit();
  CHECK_EQUAL(other.send(9), head);
}

// ---- own, receive, commit ------------------------------------------------------------------------------------------

std::unique_ptr<Peer> before_own(Scene* scene) {
  Peer sender(scene->ring, kWarm);
  scene->fill(&sender, 4);
  return std::make_unique<Peer>(scene->ring, kVictim);
}

void own_and_commit(Scene*, Peer* victim) {
  victim->own();
  wake_all(victim->consumer.box, [](uint32_t) {});
  victim->receive();
  victim->receive();
  victim->commit();
  wake_waiting(victim->consumer.box, [](uint32_t) {});
}

bool audit_own(Scene* scene) {
  uint64_t floor = floor_of(scene->box);
  CHECK(floor == 0 || floor == 2);
  Peer heir(scene->ring, kHeir), sender(scene->ring, kOther);
  CHECK_EQUAL(sender.is_full(), floor == 0);
  heir.own();
  CHECK_EQUAL(heir.consumer.next, floor);
  for (uint64_t name = floor; name < 4; name++) CHECK_EQUAL(heir.receive(), name);
  return floor == 2;
}

// ---- calls ---------------------------------------------------------------------------------------------------------

constexpr uint64_t kAnswer = 77;
uint32_t slot_under_test(const Ring& ring) { return reply_slot(ring, 1, 2); }

std::unique_ptr<Peer> before_answer(Scene* scene) {
  open_call(scene->ring, slot_under_test(scene->ring));
  return std::make_unique<Peer>(scene->ring, kVictim);
}

void begin_and_answer(Scene* scene, Peer* victim) {
  ReplyTo to{slot_under_test(scene->ring), 0};
  bool isBegun = begin_call(scene->ring, to);
  if (isBegun) {
    scene->progress->result = 1;  // the handler runs
    finish_call(scene->ring, to);
  }
  if (isBegun && settle_call(&victim->writer, to, kAnswered, &kAnswer, 8)) scene->progress->result = 2;
}

// What the caller finds. True: the answer.
bool take(Scene* scene, const ReplyTo& to, uint8_t* kind) {
  Frame frame;
  uint64_t payload[4] = {};
  CHECK(take_reply(scene->ring, to, &frame, payload));
  *kind = frame.frameKind;
  if (frame.frameKind != kAnswered) return false;
  CHECK(frame.length == 8 && payload[0] == kAnswer);
  CHECK_EQUAL(progress_at(scene->ring, to), kDone);
  return true;
}

// The server is dead: its caller cancels or gives up, and calls again through the same slot.
bool audit_answer(Scene* scene) {
  ReplyTo to{slot_under_test(scene->ring), 0};
  bool isPending = is_pending(scene->ring, to), hasBegun = scene->progress->result != 0;
  check_chunks(scene->ring);
  Peer caller(scene->ring, kOther), server(scene->ring, kHeir);
  if (cancel_call(scene->ring, to)) CHECK(isPending && !hasBegun);  // C2
  CHECK_EQUAL(settle_call(&caller.writer, to, kGivenUp, nullptr, 0), isPending);
  uint8_t kind;
  CHECK_EQUAL(take(scene, to, &kind), !isPending);
  ReplyTo next = open_call(scene->ring, to.slot);
  CHECK_EQUAL(next.stamp, 1);
  CHECK(begin_call(scene->ring, next));
  finish_call(scene->ring, next);
  CHECK(settle_call(&server.writer, next, kAnswered, &kAnswer, 8));
  CHECK(take(scene, next, &kind));
  return !isPending;
}

// The caller gives up while the server is stopped, and calls again.
bool give_up(Scene* scene) {
  ReplyTo to{slot_under_test(scene->ring), 0};
  Peer caller(scene->ring, kOther);
  bool isCancelled = cancel_call(scene->ring, to);
  bool isGivenUp = settle_call(&caller.writer, to, kGivenUp, nullptr, 0);
  if (isCancelled) CHECK(scene->progress->result == 0 && isGivenUp);
  open_call(scene->ring, to.slot);
  return !isGivenUp;
}

// The server went on: it has answered before or not at all, and the next call still waits.
void audit_late_answer(Scene* scene) {
  uint32_t slot = slot_under_test(scene->ring);
  CHECK(is_pending(scene->ring, {slot, 1}));
  CHECK_EQUAL(progress_at(scene->ring, {slot, 1}), kWaiting);
  uint8_t kind;
  ReplyTo to{slot, 0};
  Frame frame;
  uint64_t payload[4];
  CHECK(take_reply(scene->ring, to, &frame, payload));
  kind = frame.frameKind;
  CHECK_EQUAL(kind == kAnswered, scene->progress->result == 2);
}

// The caller is killed anywhere in its call, and the next owner of its box calls through the same slot.
std::unique_ptr<Peer> before_call(Scene* scene) { return std::make_unique<Peer>(scene->ring, kVictim); }

void call_and_give_up(Scene* scene, Peer* victim) {
  ReplyTo to = open_call(scene->ring, slot_under_test(scene->ring));
  RequestHeader header{kWantsReply, 0, to.slot, to.stamp};
  uint64_t position;
  send(&victim->writer, &victim->sender, {&header, sizeof header, &kName, 8, 0, 0}, &position);
  cancel_call(scene->ring, to);
  settle_call(&victim->writer, to, kGivenUp, nullptr, 0);
}

bool audit_call(Scene* scene) {
  uint32_t slot = slot_under_test(scene->ring);
  bool isSent = head_of(scene->box) == 1;
  bool isGivenUp = stamp_of(scene->ring, slot) == 1;
  Peer heir(scene->ring, kVictim), server(scene->ring, kHeir);
  renew_replies(&heir.writer, 1);
  ReplyTo to = open_call(scene->ring, slot);
  CHECK(to.stamp == 1 || to.stamp == 2);
  server.own();
  if (isSent) {
    Frame frame;
    uint64_t words[4];
    CHECK(receive(&server.consumer, &frame, words) == InboxStatus::kOk);
    RequestHeader header;
    memcpy(&header, words, sizeof header);
    CHECK(!begin_call(scene->ring, {header.slot, header.stamp}));
    CHECK(!settle_call(&server.writer, {header.slot, header.stamp}, kAnswered, &kAnswer, 8));
  }
  CHECK(server.is_empty());
  CHECK(is_pending(scene->ring, to));
  return isGivenUp;
}

}  // namespace

int main() {
  if (!can_step("step_inbox_test")) return skipped();
  alarm(kWatchdogSeconds);
  stay_on_one_processor();
  kill_everywhere("send", before_send, send_one, audit_send);
  kill_everywhere("own, receive, commit", before_own, own_and_commit, audit_own);
  kill_everywhere("begin, finish, answer", before_answer, begin_and_answer, audit_answer);
  kill_everywhere("open, send, cancel, give up", before_call, call_and_give_up, audit_call);
  stop_everywhere("send", before_send, send_one, go_on_sending, audit_late_send);
  stop_everywhere("begin, finish, answer", before_answer, begin_and_answer, give_up, audit_late_answer);
  return 0;
}
#endif
