// Boxes, their owners, and calls: inbox.h and calls.h.
#include "protocol/calls.h"
#include "sim/ringscene.h"

using namespace orbit;

namespace sim {
namespace {

constexpr const char* kSenderNames[] = {"sender0", "sender1", "sender2"};
constexpr const char* kOwnerNames[] = {"owner0", "owner1"};

class InboxScene : public RingScene {
 public:
  explicit InboxScene(Numbers* numbers, uint32_t replies = 0) : RingScene(numbers), replies_(replies) {}

 protected:
  struct Private {
    Sender senders[kMaxNodes];
    Consumer consumers[2];
    uint64_t delivered;  // a bit for each position
    uint64_t committed;  // commits up to here have returned
  };

  RingSpec spec() const override {
    RingSpec spec = RingScene::spec();
    spec.objectType = kInboxObject;
    spec.boxes = 1;
    spec.replies = replies_;
    spec.capacity = capacity + replies_;
    return spec;
  }
  void prepare() override {
    box = box_of(ring, 0);
    own = Private();
    for (Sender& sender : own.senders) sender.box = box;
    prepare_box();
    initial_ = own;
  }
  void start() override {
    own = initial_;
    RingScene::start();
  }
  virtual void prepare_box() {}

  // False: the box was full.
  bool send_one(uint32_t node) {
    uint32_t number = state.published[node];
    uint64_t version = version_of(node, number), position = ~uint64_t{0}, payload[kMaxPayloadWords];
    for (uint32_t i = 0; i < payload_words(); i++) payload[i] = word_of(version, i);
    Message message{nullptr, 0, payload, payloadBytes, static_cast<uint8_t>(number + 1), version};
    InboxStatus status = send(&state.writers[node], &own.senders[node], message, &position);
    SIM_CHECK(status == InboxStatus::kOk || status == InboxStatus::kFull);
    if (status == InboxStatus::kFull) return false;
    state.positions[node][number] = position;
    state.published[node] = number + 1;
    return true;
  }

  // All owners before have left or are dead.
  void become_owner(uint32_t index) {
    uint64_t present;
    auto isAlive = [&](uint32_t, uint64_t incarnation) { return incarnation > index; };
    InboxStatus status = own_box(box, nodes - 1, index + 1, isAlive, &own.consumers[index], &present);
    SIM_CHECK(status == InboxStatus::kOk);
  }

  // False: there is no message.
  bool receive_one(uint32_t index) {
    Consumer& consumer = own.consumers[index];
    uint64_t payload[kMaxPayloadWords], position = consumer.next;
    Frame frame;
    InboxStatus status = receive(&consumer, &frame, payload);
    SIM_CHECK(status != InboxStatus::kCorrupt);
    if (status != InboxStatus::kOk) return false;
    SIM_CHECK(frame.position == position);
    note_seen(frame, payload);
    own.delivered |= uint64_t{1} << position;
    return true;
  }

  uint64_t accepted() const {
    uint64_t count = 0;
    for (uint32_t node = 0; node < nodes; node++) count += state.published[node];
    return count;
  }

  Box box;
  Private own;

 private:
  const uint32_t replies_;
  Private initial_;
};

// Senders beside owners that follow one another. The first owner leaves, or dies; it may commit a part.
class Delivery : public InboxScene {
 public:
  explicit Delivery(Numbers* numbers)
      : InboxScene(numbers),
        each_{numbers->count("a", 1), numbers->count("b", 1), numbers->count("c", 0)},
        reads_(numbers->count("reads", 1)),
        hasHeir_(numbers->take("heir", 0) != 0),
        mayDie_(numbers->take("owner-dies", 0) != 0) {}

  void prepare_box() override {
    for (uint32_t i = 0; i < before_messages(); i++) SIM_CHECK(send_one(0));
  }

  void start_threads() override {
    for (uint32_t node = 0; node < 3; node++) {
      if (each_[node] > 0) simulator.spawn(kSenderNames[node], [this, node] { send_some(node); });
    }
    int first = simulator.spawn(
        kOwnerNames[0], [this] { take(0); }, mayDie_);
    if (!hasHeir_) return;
    simulator.spawn(kOwnerNames[1], [this, first] {
      if (mayDie_) simulator.await_end(first);
      take_over();
    });
  }

  void finish() override {
    uint64_t head = accepted();
    SIM_CHECK(head_of(box) == head);
    uint64_t floor = floor_of(box);
    SIM_CHECK(floor <= head && head - floor <= capacity);
    for (uint64_t position = 0; position < floor; position++) SIM_CHECK(own.delivered >> position & 1);  // B1
    check_chunks();
    check_seen();
  }

 private:
  uint32_t before_messages() const { return capacity; }  // full at the start

  void send_some(uint32_t node) {
    for (uint32_t i = 0; i < each_[node]; i++) {
      if (!send_one(node)) send_one(node);
    }
  }

  void take(uint32_t index) {
    uint64_t present;
    auto isAlive = [](uint32_t, uint64_t) { return true; };
    if (own_box(box, nodes - 1, index + 1, isAlive, &own.consumers[index], &present) != InboxStatus::kOk) return;
    for (uint32_t i = 0; i < reads_; i++) {
      if (!receive_one(index)) break;
      commit(&own.consumers[index], own.consumers[index].next);
      own.committed = own.consumers[index].committed;
    }
    if (!mayDie_) disown_box(own.consumers[index]);
  }

  // Without a death the next owner tries once, and another thread may still own the box.
  void take_over() {
    uint64_t present;
    auto isAlive = [&](uint32_t, uint64_t incarnation) { return !mayDie_ && incarnation == 1; };
    if (own_box(box, nodes - 1, 2, isAlive, &own.consumers[1], &present) != InboxStatus::kOk) return;
    // B2: an owner begins where the one before has committed. Of two that live, the other may have come later.
    if (mayDie_) SIM_CHECK(own.consumers[1].committed >= own.committed);
    if (receive_one(1)) commit(&own.consumers[1], own.consumers[1].next);
  }

  const uint32_t each_[3];
  const uint32_t reads_;
  const bool hasHeir_, mayDie_;
};
const Registered delivery("inbox", make_scene<Delivery>);

// A sender and a sleeping owner, or a sleeping sender and an owner that makes room: who sleeps on with news in reach
// has lost its wake.
class InboxWaking : public InboxScene {
 public:
  explicit InboxWaking(Numbers* numbers)
      : InboxScene(numbers),
        isRoom_(numbers->take("room", 0) != 0),
        senders_(numbers->count("senders", 1)),
        rounds_(numbers->count("rounds", 1)) {}

  void prepare_box() override {
    if (!isRoom_) return;
    for (uint32_t i = 0; i < capacity; i++) SIM_CHECK(send_one(0));
    become_owner(0);
  }

  void start_threads() override {
    for (uint32_t node = 0; node < kMaxNodes; node++) isAsleep_[node] = isSignalled_[node] = false;
    for (uint32_t node = 0; node < senders_; node++) {
      simulator.spawn(kSenderNames[node], [this, node] { isRoom_ ? wait_for_room(node) : send_and_wake(node); });
    }
    simulator.spawn(kOwnerNames[0], [this] { isRoom_ ? make_room() : sleep_as_owner(); });
  }

  void finish() override {
    for (uint32_t node = 0; node < nodes; node++) {
      bool hasNews = isRoom_ ? has_room(box) : accepted() > 0;
      SIM_CHECK(!isAsleep_[node] || !hasNews || isSignalled_[node]);
    }
  }

 private:
  void send_and_wake(uint32_t node) {
    if (!send_one(node)) return;
    wake_owner(box, [this](uint32_t owner) { isSignalled_[owner] = true; });
  }
  void sleep_as_owner() {
    become_owner(0);
    arm(ring, nodes - 1);
    isAsleep_[nodes - 1] = !has_news(ring, ring_position(box, own.consumers[0].next));
  }
  // With several rounds it sends when there is room, so that another one may find none.
  void wait_for_room(uint32_t node) {
    arm_for_room(box, node);
    isAsleep_[node] = !has_room(box);
    if (!isAsleep_[node] && rounds_ > 1) send_one(node);
  }
  void make_room() {
    for (uint32_t i = 0; i < rounds_ && receive_one(0); i++) {
      SIM_CHECK(commit(&own.consumers[0], own.consumers[0].next));
      wake_waiting(box, [this](uint32_t sender) { isSignalled_[sender] = true; });
    }
  }

  const bool isRoom_;
  const uint32_t senders_, rounds_;
  bool isAsleep_[kMaxNodes], isSignalled_[kMaxNodes];
};
const Registered inboxWaking("inbox-wake", make_scene<InboxWaking>);

// A caller, its server, and the next owner of either.
class Calling : public InboxScene {
 public:
  explicit Calling(Numbers* numbers)
      : InboxScene(numbers, 1),
        calls_(numbers->count("calls", 1)),
        gives_(numbers->take("gives-up", 0) != 0),
        hasHeir_(numbers->take("heir", 0) != 0),
        refuses_(numbers->take("refuses", 0) != 0),
        parts_(numbers->count("parts", 0)) {}

  void start_threads() override {
    hasBegun_ = 0;
    isCancelled_ = 0;
    isRefused_ = 0;
    if (refuses_) {
      simulator.spawn("next owner without the handler", [this] {
        Consumer reader;
        reader.box = box_of(ring, 0);
        Frame frame;
        uint64_t words[kMaxPayloadWords], refusal = 300;
        if (receive(&reader, &frame, words) != InboxStatus::kOk) return;
        ReplyTo to{static_cast<uint32_t>(words[0] >> 32), words[1]};
        if (refuse_call(&state.writers[1], to, &refusal, 8)) isRefused_ |= 1u << words[2];
      });
    }
    int caller = simulator.spawn(
        "caller", [this] { call(0); }, hasHeir_);
    simulator.spawn("server", [this] { serve(); });
    if (hasHeir_) {
      simulator.spawn("heir", [this, caller] {
        simulator.await_end(caller);
        Writer writer;
        SIM_CHECK(become_writer(ring, 0, &writer) == RingStatus::kOk);
        state.writers[0] = writer;
        renew_replies(&state.writers[0], 0);
        call(8);
      });
    }
  }
  void finish() override {
    check_chunks();
    SIM_CHECK((hasBegun_ & isCancelled_) == 0);  // C2
    SIM_CHECK((hasBegun_ & isRefused_) == 0);    // C5
  }

 private:
  // Names of calls are numbers below 16.
  void call(uint32_t first) {
    for (uint32_t name = first; name < first + calls_; name++) {
      ReplyTo to = open_call(ring, capacity);
      RequestHeader header{kWantsReply, 0, to.slot, to.stamp};
      uint64_t body = name, position;
      Message message{&header, sizeof header, &body, 8, 1, 0};
      if (send(&state.writers[0], &own.senders[0], message, &position) != InboxStatus::kOk) return;
      if (gives_) give_up(to, name);
      for (uint32_t part = 0; part < parts_; part++) {
        if (is_pending(ring, to)) return;
        take_part(to, name, part);
        to.stamp++;
        want_part(ring, to);
      }
      if (is_pending(ring, to)) return;  // the call goes on without us
      Frame frame;
      uint64_t payload[kMaxPayloadWords];
      SIM_CHECK(take_reply(ring, to, &frame, payload));
      if (frame.frameKind == kGivenUp) continue;
      if (frame.frameKind == kRefused) {
        SIM_CHECK(payload[0] == 300 && (hasBegun_ >> name & 1) == 0);  // C1, C5
        continue;
      }
      SIM_CHECK(frame.frameKind == kAnswered && frame.length == 8 && payload[0] == name + 100);  // C1
      SIM_CHECK(progress_at(ring, to) == kDone);                                                 // C3
    }
  }
  void take_part(const ReplyTo& to, uint32_t name, uint32_t part) {
    Frame frame;
    uint64_t payload[kMaxPayloadWords];
    SIM_CHECK(take_reply(ring, to, &frame, payload));
    SIM_CHECK(frame.frameKind == kItems && payload[0] == name + 200 + part);  // C4
  }
  void give_up(const ReplyTo& to, uint32_t name) {
    if (cancel_call(ring, to)) isCancelled_ |= 1u << name;
    settle_call(&state.writers[0], to, kGivenUp, nullptr, 0);
  }

  void serve() {
    become_owner(0);
    for (uint32_t i = 0; i < calls_ + (hasHeir_ ? 1 : 0); i++) {
      Frame frame;
      uint64_t words[kMaxPayloadWords];
      if (receive(&own.consumers[0], &frame, words) != InboxStatus::kOk) continue;
      ReplyTo to{static_cast<uint32_t>(words[0] >> 32), words[1]};
      if (!begin_call(ring, to)) continue;
      SIM_CHECK((hasBegun_ >> words[2] & 1) == 0);
      hasBegun_ |= 1u << words[2];
      if (!send_parts(&to, words[2])) continue;
      uint64_t answer = words[2] + 100;
      finish_call(ring, to);
      settle_call(&state.writers[nodes - 1], to, kAnswered, &answer, 8);
    }
  }

  // False: the caller has not taken the last one yet.
  bool send_parts(ReplyTo* to, uint64_t name) {
    for (uint32_t part = 0; part < parts_; part++) {
      uint64_t item = name + 200 + part;
      if (!settle_call(&state.writers[nodes - 1], *to, kItems, &item, 8)) return false;
      to->stamp++;
      if (!is_part_wanted(ring, *to)) return false;
    }
    return true;
  }

  const uint32_t calls_;
  const bool gives_, hasHeir_, refuses_;
  const uint32_t parts_;
  uint32_t hasBegun_, isCancelled_, isRefused_;
};
const Registered calling("calls", make_scene<Calling>);

}  // namespace
}  // namespace sim
