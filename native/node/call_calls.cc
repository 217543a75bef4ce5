// The hot calls of questions and answers: announce, find, send, begin, answer, take, give up.
#include <algorithm>

#include "node/boxcall.h"
#include "posix/clock.h"

namespace orbit {

namespace {

// A reply slot in the arguments at `first`: slot, stamp.
ReplyTo reply_to(const Call& call, size_t first) { return {call.u32(first), call.u64(first + 1)}; }

// callAnnounce(ring, box, place, name) -> 0: the owner of the box serves it; an empty name withdraws. Or a status
ORBIT_COLD napi_value announce_call(napi_env env, napi_callback_info info) {
  BoxCall call(env, info);
  if (int32_t status = refusal(call)) return call.status(status);
  size_t length = 0;
  const uint8_t* name = call.bytes(3, &length);
  uint32_t place = call.u32(2);
  if (call.consumer()->word == 0 || place >= kMaxServices) return call.status(kStatusReadOnly);
  announce(call.box(), place, length == 0 ? 0 : service_hash(name, length));
  return call.number(0);
}

// callFind(ring, name, turn) -> the box of the least busy living server; the number of boxes: none. Results.lost: how
// many servers there are. Or a status
napi_value find_call(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (int32_t status = unreadable(call)) return call.status(status);
  size_t length = 0;
  const uint8_t* name = call.bytes(1, &length);
  Fleet* fleet = call.opened->fleet;
  auto isAlive = [fleet](uint32_t node, uint64_t incarnation) { return fleet->is_alive(node, incarnation); };
  uint32_t servers;
  uint32_t box = find_server(call.ring(), service_hash(name, length), call.u32(2), isAlive, &servers);
  call.addon->results()->lost = servers;
  return call.number(box);
}

// What callOver returns for no call; the statuses are -1 and lower.
constexpr int32_t kNoCall = 0x7fffffff;
constexpr uint32_t kOneWay = 0xffffffff;

// The place of a reply slot in the box of this process.
uint32_t place_of(const Ring& ring, uint32_t slot) {
  uint32_t perBox = slots_per_box(ring);
  return slot % perBox - (perBox - ring.spec.replies);
}

AwaitedCall* awaited_at(const Call& call, uint32_t slot) {
  std::vector<AwaitedCall>& awaited = call.addon->rings[call.handle].awaited;
  if (awaited.empty()) awaited.resize(call.ring().spec.replies);
  return &awaited[place_of(call.ring(), slot)];
}

// The bytes of the argument at `index`, of which the number behind it says how many count.
const uint8_t* leading_bytes(const Call& call, size_t index, uint32_t* length) {
  size_t room = 0;
  const uint8_t* bytes = call.bytes(index, &room);
  uint32_t wanted = call.u32(index + 1);
  *length = wanted < room ? wanted : static_cast<uint32_t>(room);
  return bytes;
}

// callSend(ring, box, slot or 2^32 - 1 for none, bytes, length, flags | depth << 16) -> undefined, and callWake must
// follow; Results has position, from: the stamp of the call, to: the incarnation of the server, lost: its node. Or a
// status, kOverwritten: this slot cannot be used. The payload is kept for callKept until the slot is used again
napi_value send_call(napi_env env, napi_callback_info info) {
  BoxCall call(env, info);
  if (int32_t status = refusal(call)) return call.status(status);
  const Ring& ring = call.ring();
  uint32_t slot = call.u32(2), flags = call.u32(5), depth = flags >> 16;
  RequestHeader header{static_cast<uint16_t>(flags), static_cast<uint16_t>(depth), slot, 0};
  bool wantsReply = slot != kOneWay;
  if (wantsReply) {
    header.flags |= kWantsReply;
    if (box_of_slot(ring, slot) >= ring.spec.boxes) return call.status(RingStatus::kCorrupt);
    ReplyTo to = open_call(ring, slot);
    // An answer to an earlier call could land if foreign bytes have put the stamp back.
    bool isBack = to.stamp < awaited_at(call, slot)->to.stamp;
    if (isBack || !can_be_answered(ring, to)) return call.status(RingStatus::kOverwritten);
    header.stamp = to.stamp;
  }
  Message message;
  message.head = &header;
  message.headBytes = sizeof header;
  const uint8_t* body = leading_bytes(call, 3, &message.bodyBytes);
  message.body = body;
  if (message.bodyBytes > ring.spec.payloadBytes) return call.status(RingStatus::kTooLarge);
  Sender* sender = call.sender();
  sender->reserve = reserve_for(sender->box.mask + 1, depth);
  // Loaded before the send. If this owner has died, the request may be with the next one: the caller then cancels.
  uint64_t owner = owner_of(call.box()), position;
  InboxStatus status = send(&call.opened->writer, sender, message, &position);
  if (status != InboxStatus::kOk) return call.inbox_status(status);
  if (wantsReply) {
    AwaitedCall* awaited = awaited_at(call, slot);
    awaited->to = {slot, header.stamp};
    awaited->incarnation = incarnation_of_owner(owner);
    awaited->node = node_of_owner(owner);
    awaited->isOpen = true;
    uint32_t& end = call.addon->rings[call.handle].awaitedEnd;
    end = std::max(end, place_of(ring, slot) + 1);
    awaited->request.assign(body, body + message.bodyBytes);
  }
  Results* results = call.addon->results();
  results->position = static_cast<double>(position);
  results->from = static_cast<double>(header.stamp);
  results->to = static_cast<double>(incarnation_of_owner(owner));
  results->lost = owner == 0 ? -1 : static_cast<double>(node_of_owner(owner));
  return nullptr;
}

// callKept(ring, slot) -> how many bytes the payload of the last callSend with this slot has, where the payload of a
// record is; or a status
ORBIT_COLD napi_value kept_call(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (call.opened == nullptr) return call.status(kStatusClosed);
  const std::vector<uint8_t>& request = awaited_at(call, call.u32(1))->request;
  std::copy(request.begin(), request.end(), call.addon->scratch + kFirstRecord + sizeof(FrameRecord));
  return call.number(static_cast<double>(request.size()));
}

// callWake(ring, box) -> 0: the owner of the box looks for requests and answers; or a status
napi_value wake_call(napi_env env, napi_callback_info info) {
  BoxCall call(env, info);
  if (int32_t status = refusal(call)) return call.status(status);
  wake_owner(call.box(), call.signal());
  return call.number(0);
}

// The answer of a call that is no longer pending, in a record, or that the bytes of its slot are foreign.
void take_reply_of(const Ring& ring, const ReplyTo& to, Frame* frame, void* payload) {
  if (is_reply_slot(ring, to) && take_reply(ring, to, frame, payload)) return;
  *frame = {};
  frame->frameKind = kReplyDamaged;
}

// callCollect(ring) -> how many calls of this process are settled now, in records: the place of the reply slot as
// position, the answer, and its kind as frameKind. Results.bytes is their length. Or a status. After a part of a stream
// its call goes on at the next stamp
napi_value collect_call(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (int32_t status = unreadable(call)) return call.status(status);
  const Ring& ring = call.ring();
  uint8_t* at = call.addon->scratch + kFirstRecord;
  const uint8_t* end = call.addon->scratch + call.addon->scratchBytes;
  uint32_t count = 0;
  RingHandle& own = call.addon->rings[call.handle];
  for (uint32_t place = 0; place < own.awaitedEnd; place++) {
    AwaitedCall& awaited = own.awaited[place];
    if (!awaited.isOpen) continue;
    // A copy writes whole words, so the last word needs its padding.
    if (static_cast<size_t>(end - at) < sizeof(FrameRecord) + ring.spec.payloadBytes + 8) break;
    Frame frame = {};
    if (!is_pending(ring, awaited.to)) {
      take_reply_of(ring, awaited.to, &frame, at + sizeof(FrameRecord));
      awaited.isOpen = frame.frameKind == kItems;
      awaited.to.stamp++;
    } else if (!call.opened->fleet->is_alive(awaited.node, awaited.incarnation)) {
      frame.frameKind = kServerDied;  // it may have answered before it died: the caller gives it up, and sees
    } else {
      continue;
    }
    write_record_of(at, frame);
    reinterpret_cast<FrameRecord*>(at)->position = place_of(ring, awaited.to.slot);
    at += sizeof(FrameRecord) + (size_t{frame.length} + 7) / 8 * 8;
    count++;
  }
  while (own.awaitedEnd > 0 && !own.awaited[own.awaitedEnd - 1].isOpen) own.awaitedEnd--;
  call.addon->results()->bytes = static_cast<double>(at - call.addon->scratch - kFirstRecord);
  return call.number(count);
}

// Whether an answer is there, a watched call is over, or if it `wants` them a request.
bool has_news_of_calls(const BoxCall& call, bool wants) {
  const Ring& ring = call.ring();
  const RingHandle& own = call.addon->rings[call.handle];
  for (uint32_t place = 0; place < own.awaitedEnd; place++) {
    const AwaitedCall& awaited = own.awaited[place];
    if (awaited.isOpen && !is_pending(ring, awaited.to)) return true;
  }
  for (const RunningCall& running : own.running) {
    if (!is_pending(ring, running.to)) return true;
    if (running.awaitsTaking && is_part_wanted(ring, running.to)) return true;
  }
  const Consumer& consumer = *call.consumer();
  return wants && consumer.word != 0 && has_news(ring, ring_position(call.box(), consumer.next));
}

// callFallAsleep(ring, box, wants, running) -> 1: an answer is there, a watched call is over, or if it wants them a
// request; 0: not, and from now on this node is signalled. Or a status. `running` is how many calls it runs
ORBIT_COLD napi_value fall_asleep_call(napi_env env, napi_callback_info info) {
  BoxCall call(env, info);
  if (int32_t status = refusal(call)) return call.status(status);
  if (int32_t status = unreadable(call)) return call.status(status);
  bool wants = call.u32(2) != 0;
  if (call.consumer()->word != 0) announce_busy(call.box(), call.u32(3));
  if (has_news_of_calls(call, wants)) return call.number(1);
  arm(call.ring(), call.opened->writer.node);
  return call.number(has_news_of_calls(call, wants));
}

// callSpin(ring, box, wants, running, microseconds) -> as callFallAsleep, but it looks for so long, and this node is
// not signalled. Or a status
napi_value spin_call(napi_env env, napi_callback_info info) {
  BoxCall call(env, info);
  if (int32_t status = unreadable(call)) return call.status(status);
  bool wants = call.u32(2) != 0;
  if (call.consumer()->word != 0) announce_busy(call.box(), call.u32(3));
  uint64_t endNs = monotonic_ns() + uint64_t{call.u32(4)} * 1000;
  do {
    for (uint32_t looks = 0; looks < 16; looks++) {
      if (has_news_of_calls(call, wants)) return call.number(1);
      relax();
    }
  } while (monotonic_ns() < endNs);
  return call.number(0);
}

// callWatch(ring, slot, stamp, isStream): callOver tells from now on when its caller gives the call up, and of a stream
// when its caller has died. Returns 0 or a status
ORBIT_COLD napi_value watch_call(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (int32_t status = unreadable(call)) return call.status(status);
  call.addon->rings[call.handle].running.push_back({reply_to(call, 1), call.u32(3) != 0, false});
  return call.number(0);
}

RunningCall* running_at(const Call& call, const ReplyTo& to) {
  for (RunningCall& running : call.addon->rings[call.handle].running) {
    if (running.to.slot == to.slot && running.to.stamp == to.stamp) return &running;
  }
  return nullptr;
}

void forget_running(const Call& call, const ReplyTo& to) {
  RunningCall* found = running_at(call, to);
  if (found == nullptr) return;
  std::vector<RunningCall>& running = call.addon->rings[call.handle].running;
  *found = running.back();
  running.pop_back();
}

// The call was given up, or its caller has died and left a stream. The slot may be foreign.
bool is_over(const Call& call, const RunningCall& running) {
  const Ring& ring = call.ring();
  if (!is_pending(ring, running.to)) return true;
  if (!running.isStream) return false;
  Box box = box_of(ring, box_of_slot(ring, running.to.slot));
  Fleet* fleet = call.opened->fleet;
  auto isAlive = [fleet](uint32_t node, uint64_t incarnation) { return fleet->is_alive(node, incarnation); };
  return !is_owned(box, owner_of(box), isAlive);
}

// callOver(ring) -> the slot of a watched call that was given up, with its stamp as Results.from, and no longer
// watched; 2^31 - 1: there is none. Or a status
napi_value over_call(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (int32_t status = unreadable(call)) return call.status(status);
  for (const RunningCall& each : call.addon->rings[call.handle].running) {
    if (!is_over(call, each)) continue;
    ReplyTo to = each.to;
    forget_running(call, to);
    call.addon->results()->from = static_cast<double>(to.stamp);
    return call.number(to.slot);
  }
  return call.number(kNoCall);
}

// callTake(ring, slot, stamp) -> 1, and the record has the answer, its kind as frameKind; or a status
napi_value take_call(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (int32_t status = unreadable(call)) return call.status(status);
  ReplyTo to = reply_to(call, 1);
  uint8_t* at = call.addon->scratch + kFirstRecord;
  bool hasRoom = call.addon->scratchBytes >= kFirstRecord + sizeof(FrameRecord) + call.ring().spec.payloadBytes + 8;
  if (!hasRoom) return call.status(RingStatus::kTooLarge);
  Frame frame;
  take_reply_of(call.ring(), to, &frame, at + sizeof(FrameRecord));
  write_record_of(at, frame);
  return call.number(1);
}

// callTaken(ring, slot, stamp) -> 1: the caller has taken the last part of this stream, and wants the next; 0: not yet.
// Or a status
napi_value taken_call(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (int32_t status = unreadable(call)) return call.status(status);
  ReplyTo to = reply_to(call, 1);
  RunningCall* running = running_at(call, to);
  if (running == nullptr || !is_part_wanted(call.ring(), to)) return call.number(0);
  running->awaitsTaking = false;
  return call.number(1);
}

// callMore(ring, slot, stamp) -> 0: the next part may come, and callWake of the server's box must follow; or a status
napi_value more_call(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (int32_t status = refusal(call)) return call.status(status);
  ReplyTo to = reply_to(call, 1);
  if (!is_reply_slot(call.ring(), to)) return call.status(RingStatus::kCorrupt);
  want_part(call.ring(), to);
  return call.number(0);
}

// callGiveUp(ring, box of the server, slot, stamp) -> the progress of the call that is over now: 0: it has not begun
// and never will, 1: begun, 2: done; 3: the answer came first. Or a status
ORBIT_COLD napi_value give_up_call(napi_env env, napi_callback_info info) {
  BoxCall call(env, info);
  if (int32_t status = refusal(call)) return call.status(status);
  ReplyTo to = reply_to(call, 2);
  if (!is_reply_slot(call.ring(), to)) return call.status(RingStatus::kCorrupt);
  AwaitedCall* awaited = awaited_at(call, to.slot);
  awaited->isOpen = false;
  awaited->to.stamp = to.stamp + 1;
  bool isCancelled = cancel_call(call.ring(), to);
  CallProgress progress = progress_at(call.ring(), to);
  if (!settle_call(&call.opened->writer, to, kGivenUp, nullptr, 0)) return call.number(kCancelled);
  wake_owner(call.box(), call.signal());                                    // its handler learns that the call is over
  if (isCancelled || progress == kCancelled) return call.number(kWaiting);  // a server died while it refused the call
  return call.number(progress == kDone ? kDone : kBegun);  // the progress of a stream may be that of its last part
}

// callBegin(ring, slot, stamp) -> 1: run the handler; 0: the call is over, or was begun before. Or a status
ORBIT_COLD napi_value begin_call_call(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (int32_t status = refusal(call)) return call.status(status);
  return call.number(begin_call(call.ring(), reply_to(call, 1)));
}

// callAnswer(ring, slot, stamp, kind, bytes, length) -> 1: it landed, and callWake of the box of the slot must follow;
// 0: the call was over; or a status. After a part of a stream the call goes on at the next stamp
napi_value answer_call(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (int32_t status = refusal(call)) return call.status(status);
  if (int32_t status = unreadable(call)) return call.status(status);
  const Ring& ring = call.ring();
  ReplyTo to = reply_to(call, 1);
  uint32_t length;
  const uint8_t* payload = leading_bytes(call, 4, &length);
  if (length > ring.spec.payloadBytes) return call.status(RingStatus::kTooLarge);
  auto kind = static_cast<ReplyKind>(call.u32(3));
  bool isSlot = is_reply_slot(ring, to);
  RunningCall* running = kind == kItems && isSlot ? running_at(call, to) : nullptr;
  if (running == nullptr) forget_running(call, to);
  if (!isSlot) return call.number(0);
  if (kind == kRefused) return call.number(refuse_call(&call.opened->writer, to, payload, length));
  if (kind != kItems) finish_call(ring, to);
  bool isSettled = settle_call(&call.opened->writer, to, kind, payload, length);
  if (!isSettled) {
    forget_running(call, to);  // its server sees that it is over, and looks for it no more
  } else if (running != nullptr) {
    *running = {{to.slot, to.stamp + 1}, true, true};
  }
  return call.number(isSettled);
}

}  // namespace

bool export_call_calls(napi_env env, napi_value exports, Addon* addon) {
  return export_hot_calls(env, exports, addon,
                          {{"callAnnounce", announce_call},
                           {"callFind", find_call},
                           {"callSend", send_call},
                           {"callKept", kept_call},
                           {"callWake", wake_call},
                           {"callCollect", collect_call},
                           {"callFallAsleep", fall_asleep_call},
                           {"callSpin", spin_call},
                           {"callWatch", watch_call},
                           {"callOver", over_call},
                           {"callTake", take_call},
                           {"callTaken", taken_call},
                           {"callMore", more_call},
                           {"callGiveUp", give_up_call},
                           {"callBegin", begin_call_call},
                           {"callAnswer", answer_call}});
}

}  // namespace orbit
