// The hot calls of questions and answers: announce, find, send, begin, answer, take, give up.
#include "node/boxcall.h"

namespace orbit {

namespace {

// A reply slot in the arguments at `first`: slot, stamp.
ReplyTo reply_to(const Call& call, size_t first) { return {call.u32(first), call.u64(first + 1)}; }

// callAnnounce(ring, box, place, name) -> 0: the owner of the box serves it; an empty name withdraws. Or a status
napi_value announce_call(napi_env env, napi_callback_info info) {
  BoxCall call(env, info);
  if (int32_t status = refusal(call)) return call.status(status);
  size_t length = 0;
  const uint8_t* name = call.bytes(3, &length);
  uint32_t place = call.u32(2);
  if (call.consumer()->word == 0 || place >= kMaxServices) return call.status(kStatusReadOnly);
  announce(call.box(), place, length == 0 ? 0 : service_hash(name, length));
  return call.number(0);
}

// callFind(ring, name, turn) -> the box of the least busy living server; the number of boxes: none. Or a status
napi_value find_call(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (int32_t status = unreadable(call)) return call.status(status);
  size_t length = 0;
  const uint8_t* name = call.bytes(1, &length);
  Fleet* fleet = call.opened->fleet;
  auto isAlive = [fleet](uint32_t node, uint64_t incarnation) { return fleet->is_alive(node, incarnation); };
  return call.number(find_server(call.ring(), service_hash(name, length), call.u32(2), isAlive));
}

constexpr uint32_t kOneWay = 0xffffffff;

// callSend(ring, box, slot or 2^32 - 1 for none, payload, deadline) -> undefined; Results has position, from: the stamp
// of the call, to: the incarnation of the server, lost: its node. Or a status
napi_value send_call(napi_env env, napi_callback_info info) {
  BoxCall call(env, info);
  if (int32_t status = refusal(call)) return call.status(status);
  const Ring& ring = call.ring();
  uint32_t slot = call.u32(2);
  RequestHeader header{slot != kOneWay, slot, 0};
  if (header.hasReply != 0) {
    if (box_of_slot(ring, slot) >= ring.spec.boxes) return call.status(RingStatus::kCorrupt);
    header.stamp = open_call(ring, slot).stamp;
  }
  size_t length = 0;
  Message message;
  message.head = &header;
  message.headBytes = sizeof header;
  message.body = call.bytes(3, &length);
  message.bodyBytes = call.payload_bytes(length);
  if (message.bodyBytes > ring.spec.payloadBytes) return call.status(RingStatus::kTooLarge);
  message.version = call.u64(4);
  // Loaded before the send. If this owner has died, the request may be with the next one: the caller then cancels.
  uint64_t owner = owner_of(call.box()), position;
  InboxStatus status = send(&call.opened->writer, call.sender(), message, &position);
  if (status != InboxStatus::kOk) return call.inbox_status(status);
  wake_owner(call.box(), call.signal());
  Results* results = call.addon->results();
  results->position = static_cast<double>(position);
  results->from = static_cast<double>(header.stamp);
  results->to = static_cast<double>(incarnation_of_owner(owner));
  results->lost = owner == 0 ? -1 : static_cast<double>(node_of_owner(owner));
  return nullptr;
}

// callState(ring, slot, stamp, node, incarnation) -> 0: no answer yet; 1: it is there; 2: no answer yet, and the server
// is dead. Or a status
napi_value state_call(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (int32_t status = unreadable(call)) return call.status(status);
  if (!is_pending(call.ring(), reply_to(call, 1))) return call.number(1);
  return call.number(call.opened->fleet->is_alive(call.u32(3), call.u64(4)) ? 0 : 2);
}

// callTake(ring, slot, stamp) -> 1, and the record has the answer, its kind as frameKind; or a status
napi_value take_call(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (int32_t status = unreadable(call)) return call.status(status);
  ReplyTo to = reply_to(call, 1);
  uint8_t* at = call.addon->scratch + kFirstRecord;
  bool hasRoom = call.addon->scratchBytes >= kFirstRecord + sizeof(FrameRecord) + call.ring().spec.payloadBytes + 8;
  Frame frame;
  if (!hasRoom || !is_reply_slot(call.ring(), to) || !take_reply(call.ring(), to, &frame, at + sizeof(FrameRecord))) {
    return call.status(RingStatus::kCorrupt);
  }
  write_record_of(at, frame);
  return call.number(1);
}

// callGiveUp(ring, box of the server, slot, stamp) -> the progress of the call that is over now: 0: it has not begun
// and never will, 1: begun, 2: done; 3: the answer came first. Or a status
napi_value give_up_call(napi_env env, napi_callback_info info) {
  BoxCall call(env, info);
  if (int32_t status = refusal(call)) return call.status(status);
  ReplyTo to = reply_to(call, 2);
  if (!is_reply_slot(call.ring(), to)) return call.status(RingStatus::kCorrupt);
  bool isCancelled = cancel_call(call.ring(), to);
  CallProgress progress = progress_at(call.ring(), to);
  if (!settle_call(&call.opened->writer, to, kGivenUp, nullptr, 0)) return call.number(kCancelled);
  wake_owner(call.box(), call.signal());  // its handler learns that the call is over
  return call.number(isCancelled ? kWaiting : progress);
}

// callBegin(ring, slot, stamp) -> 1: run the handler; 0: the call is over, or was begun before. Or a status
napi_value begin_call_call(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (int32_t status = refusal(call)) return call.status(status);
  return call.number(begin_call(call.ring(), reply_to(call, 1)));
}

// callIsPending(ring, slot, stamp) -> 1: the caller still waits; 0: not; or a status
napi_value is_pending_call(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (int32_t status = unreadable(call)) return call.status(status);
  return call.number(is_pending(call.ring(), reply_to(call, 1)));
}

// callAnswer(ring, slot, stamp, kind, payload) -> 1: it landed; 0: the call was over; or a status
napi_value answer_call(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (int32_t status = refusal(call)) return call.status(status);
  if (int32_t status = unreadable(call)) return call.status(status);
  const Ring& ring = call.ring();
  ReplyTo to = reply_to(call, 1);
  size_t length = 0;
  const uint8_t* payload = call.bytes(4, &length);
  if (length > ring.spec.payloadBytes) return call.status(RingStatus::kTooLarge);
  if (!is_reply_slot(ring, to)) return call.number(0);
  finish_call(ring, to);
  auto kind = static_cast<ReplyKind>(call.u32(3));
  if (!settle_call(&call.opened->writer, to, kind, payload, static_cast<uint32_t>(length))) return call.number(0);
  Fleet* fleet = call.opened->fleet;
  wake_owner(box_of(ring, box_of_slot(ring, to.slot)), [fleet](uint32_t node) { fleet->signal(node); });
  return call.number(1);
}

}  // namespace

bool export_call_calls(napi_env env, napi_value exports, Addon* addon) {
  return export_hot_calls(env, exports, addon,
                          {{"callAnnounce", announce_call},
                           {"callFind", find_call},
                           {"callSend", send_call},
                           {"callState", state_call},
                           {"callTake", take_call},
                           {"callGiveUp", give_up_call},
                           {"callBegin", begin_call_call},
                           {"callIsPending", is_pending_call},
                           {"callAnswer", answer_call}});
}

}  // namespace orbit
