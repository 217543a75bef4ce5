// The hot calls of inboxes: own, poll, commit, send, and what a waiter asks. Numbers and bytes of the caller in,
// numbers out.
#include "node/boxcall.h"

namespace orbit {

namespace {

// inboxOwn(ring, box) -> 1: this process owns the box now; 0: another one does; or a status
ORBIT_COLD napi_value own_call(napi_env env, napi_callback_info info) {
  BoxCall call(env, info);
  if (int32_t status = refusal(call)) return call.status(status);
  Writer* writer = &call.opened->writer;
  uint64_t present;
  InboxStatus status =
      own_box(call.box(), writer->node, call.incarnation(), call.is_alive(), call.consumer(), &present);
  if (status == InboxStatus::kFull) return call.number(0);
  if (status != InboxStatus::kOk) return call.inbox_status(status);
  for (uint32_t place = 0; place < kMaxServices; place++) announce(call.box(), place, 0);
  announce_busy(call.box(), 0);
  renew_replies(writer, call.index);
  wake_all(call.box(), call.signal());
  return call.number(1);
}

// inboxDisown(ring, box) -> 0 or a status. What is not committed is the next owner's
ORBIT_COLD napi_value disown_call(napi_env env, napi_callback_info info) {
  BoxCall call(env, info);
  if (int32_t status = refusal(call)) return call.status(status);
  Consumer* consumer = call.consumer();
  if (consumer->word == 0) return call.number(0);
  disown_box(*consumer);
  *consumer = {};
  wake_waiting(call.box(), call.signal());
  return call.number(0);
}

// Copies up to `most` messages into records, and returns how many. Results has to, malformed and bytes.
uint32_t receive_all(const BoxCall& call, Consumer* consumer, uint32_t most) {
  uint8_t* at = call.addon->scratch + kFirstRecord;
  const uint8_t* end = call.addon->scratch + call.addon->scratchBytes;
  uint32_t count = 0, malformed = 0;
  // A copy writes whole words, so the last word needs its padding.
  while (count < most && static_cast<size_t>(end - at) >= sizeof(FrameRecord) + call.ring().spec.payloadBytes + 8) {
    Frame frame;
    InboxStatus status = receive(consumer, &frame, at + sizeof(FrameRecord));
    if (status == InboxStatus::kNotYet) break;
    if (status != InboxStatus::kOk) {
      malformed++;
      continue;
    }
    write_record_of(at, frame);
    at += sizeof(FrameRecord) + (size_t{frame.length} + 7) / 8 * 8;
    count++;
  }
  Results* results = call.addon->results();
  results->to = static_cast<double>(consumer->next);
  results->malformed = malformed;
  results->bytes = static_cast<double>(at - call.addon->scratch - kFirstRecord);
  return count;
}

// inboxPoll(ring, box, max) -> how many messages, in records; Results has from, to, malformed and bytes. Or a status
napi_value poll_call(napi_env env, napi_callback_info info) {
  BoxCall call(env, info);
  if (int32_t status = unreadable(call)) return call.status(status);
  Consumer* consumer = call.consumer();
  if (consumer->word == 0) return call.status(kStatusReadOnly);
  call.addon->results()->from = static_cast<double>(consumer->next);
  return call.number(receive_all(call, consumer, call.u32(2)));
}

// inboxPeek(ring, box, position, max) -> how many messages from there on that were not overwritten, read or not, in
// records, without owning the box. Results has from, to, malformed, lost: how many were overwritten. Or a status
ORBIT_COLD napi_value peek_call(napi_env env, napi_callback_info info) {
  BoxCall call(env, info);
  if (int32_t status = unreadable(call)) return call.status(status);
  Consumer reader;
  reader.box = call.box();
  uint64_t head = head_of(reader.box), capacity = uint64_t{reader.box.mask} + 1, wanted = call.u64(2);
  uint64_t oldest = head > capacity ? head - capacity : 0;
  reader.next = wanted < oldest ? oldest : wanted;
  Results* results = call.addon->results();
  results->from = static_cast<double>(wanted);
  results->lost = static_cast<double>(reader.next - wanted);
  return call.number(receive_all(call, &reader, call.u32(3)));
}

// inboxCommit(ring, box, position) -> 1: committed; 0: nothing has changed; or a status
napi_value commit_call(napi_env env, napi_callback_info info) {
  BoxCall call(env, info);
  if (int32_t status = refusal(call)) return call.status(status);
  if (call.consumer()->word == 0 || !commit(call.consumer(), call.u64(2))) return call.number(0);
  wake_waiting(call.box(), call.signal());
  return call.number(1);
}

// inboxSend(ring, box, payload, frameKind, version) -> undefined, with the position in Results; or a status
napi_value send_call(napi_env env, napi_callback_info info) {
  BoxCall call(env, info);
  if (int32_t status = refusal(call)) return call.status(status);
  size_t length = 0;
  Message message;
  message.body = call.bytes(2, &length);
  message.bodyBytes = call.payload_bytes(length);
  message.frameKind = static_cast<uint8_t>(call.u32(3));
  message.version = call.u64(4);
  uint64_t position;
  InboxStatus status = send(&call.opened->writer, call.sender(), message, &position);
  if (status != InboxStatus::kOk) return call.inbox_status(status);
  wake_owner(call.box(), call.signal());
  call.addon->results()->position = static_cast<double>(position);
  return nullptr;
}

// inboxSendPacked(ring, box, records, recordBytes, frameKind, version) -> how many were sent. Results.status says why
// the next one was refused
napi_value send_packed_call(napi_env env, napi_callback_info info) {
  BoxCall call(env, info);
  if (int32_t status = refusal(call)) return call.status(status);
  size_t length = 0;
  const uint8_t* records = call.bytes(2, &length);
  Message message;
  message.bodyBytes = call.u32(3);
  message.frameKind = static_cast<uint8_t>(call.u32(4));
  message.version = call.u64(5);
  size_t sent = 0, count = message.bodyBytes == 0 ? 0 : length / message.bodyBytes;
  uint64_t position;
  InboxStatus status = InboxStatus::kOk;
  for (; sent < count; sent++) {
    message.body = records + sent * message.bodyBytes;
    status = send(&call.opened->writer, call.sender(), message, &position);
    if (status != InboxStatus::kOk) break;
  }
  if (sent > 0) wake_owner(call.box(), call.signal());
  call.addon->results()->status = status == InboxStatus::kFull ? kStatusFull : static_cast<double>(status);
  return call.number(static_cast<double>(sent));
}

// How many calls the owner of the box has open: sent, and neither answered nor given up. For people.
uint32_t open_calls(const Ring& ring, uint32_t box) {
  uint32_t count = 0;
  for (uint32_t index = 0; index < ring.spec.replies; index++) {
    uint32_t slot = reply_slot(ring, box, index);
    uint64_t word = load_relaxed(progress_of(ring, slot));
    if (word >> 2 == stamp_of(ring, slot) && (word & 3) <= kBegun) count++;
  }
  return count;
}

// inboxLook(ring, box) -> 0 or a status. Results has head, from: the floor, position: the node of the owner or -1, to:
// its incarnation, lost: its pid, status: 1 if it is alive, bytes: the calls that it has open
ORBIT_COLD napi_value look_call(napi_env env, napi_callback_info info) {
  BoxCall call(env, info);
  if (call.opened == nullptr) return call.status(kStatusClosed);
  Box box = call.box();
  uint64_t word = owner_of(box), floor = floor_of(box);
  bool hasOwner = word != 0 && node_of_owner(word) < call.ring().spec.fleetSize;
  Results* results = call.addon->results();
  results->from = static_cast<double>(floor);
  results->head = static_cast<double>(head_of(box, floor));
  results->position = hasOwner ? static_cast<double>(node_of_owner(word)) : -1;
  results->to = hasOwner ? static_cast<double>(incarnation_of_owner(word)) : 0;
  results->lost = hasOwner ? call.opened->fleet->pid(node_of_owner(word)) : 0;
  results->status = is_owned(box, word, call.is_alive());
  results->bytes = hasOwner ? open_calls(call.ring(), call.index) : 0;
  results->malformed = static_cast<double>(load_relaxed(&box.header->full) & kMaxPosition);
  return call.number(0);
}

// inboxHasMessage(ring, box) -> 1: a poll finds something; 0: nothing; or a status
napi_value has_message_call(napi_env env, napi_callback_info info) {
  BoxCall call(env, info);
  if (int32_t status = unreadable(call)) return call.status(status);
  const Consumer& consumer = *call.consumer();
  if (consumer.word == 0) return call.status(kStatusReadOnly);
  return call.number(has_news(call.ring(), ring_position(call.box(), consumer.next)));
}

// inboxHasRoom(ring, box) -> 1: a send would be accepted; 0: not; or a status
napi_value has_room_call(napi_env env, napi_callback_info info) {
  BoxCall call(env, info);
  if (int32_t status = unreadable(call)) return call.status(status);
  return call.number(has_room(call.box()));
}

// inboxIsFree(ring, box) -> 1: no living process owns the box; 0: one does; or a status
napi_value is_free_call(napi_env env, napi_callback_info info) {
  BoxCall call(env, info);
  if (int32_t status = unreadable(call)) return call.status(status);
  return call.number(!is_owned(call.box(), owner_of(call.box()), call.is_alive()));
}

// inboxArm(ring, box) -> 0: the owner signals this node when it makes room or leaves; or a status
napi_value arm_call(napi_env env, napi_callback_info info) {
  BoxCall call(env, info);
  if (int32_t status = refusal(call)) return call.status(status);
  arm_for_room(call.box(), call.opened->writer.node);
  return call.number(0);
}

}  // namespace

bool export_inbox_calls(napi_env env, napi_value exports, Addon* addon) {
  return export_hot_calls(env, exports, addon,
                          {{"inboxOwn", own_call},
                           {"inboxDisown", disown_call},
                           {"inboxPoll", poll_call},
                           {"inboxPeek", peek_call},
                           {"inboxCommit", commit_call},
                           {"inboxSend", send_call},
                           {"inboxSendPacked", send_packed_call},
                           {"inboxLook", look_call},
                           {"inboxHasMessage", has_message_call},
                           {"inboxHasRoom", has_room_call},
                           {"inboxIsFree", is_free_call},
                           {"inboxArm", arm_call}});
}

}  // namespace orbit
