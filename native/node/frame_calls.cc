// The hot calls of frames: publish, read, poll. Numbers and bytes of the caller in, numbers out.
#include "node/call.h"
#include "protocol/cursor.h"
#include "protocol/debug.h"
#include "protocol/latest.h"
#include "protocol/topic.h"

namespace orbit {

namespace {

// After the last publication of a call, in a ring with a pod.
void note_if_typed(const Call& call, uint64_t position, const void* payload, uint32_t length) {
  if (call.ring().latest == nullptr) return;
  note_latest(call.opened->writer, call.opened->fleet->incarnation(), position, payload, length);
}

// publish([payload]) -> undefined, with the position in Results; or a status. Given: version, ring, length, and as the
// flag frameKind. Without `payload`, its bytes are in the scratch or the draft, from the given place on
napi_value publish_call(napi_env env, napi_callback_info info) {
  Call call(env, info, FromScratch{1});
  if (int32_t status = refusal(call)) return call.status(status);
  size_t length = call.given->count, place = call.given->place;
  const uint8_t* payload = call.addon->scratch + place;
  if (call.count > 0) {
    payload = call.bytes(0, &length);
  } else if (place + length > call.addon->scratchBytes + kDraftBytes) {
    return call.status(RingStatus::kTooLarge);
  }
  if (!fits(call, length)) return call.status(RingStatus::kTooLarge);
  uint32_t bytes = length > UINT32_MAX ? UINT32_MAX : static_cast<uint32_t>(length);
  uint64_t version = call.given->word(), position = 0;
  RingStatus status =
      publish(&call.opened->writer, payload, bytes, static_cast<uint8_t>(call.given->flag), version, &position);
  if (status != RingStatus::kOk) return call.status(status);
  note_if_typed(call, position, payload, bytes);
  wake(call.opened);
  call.addon->results()->position = number_of(position);
  return nullptr;
}

// publishPacked(ring, records, recordBytes, frameKind, version) -> how many were published. Results.status says why the
// next one was refused
napi_value publish_packed_call(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (int32_t status = refusal(call)) return call.status(status);
  size_t length = 0;
  const uint8_t* records = call.bytes(1, &length);
  uint32_t recordBytes = call.u32(2);
  uint8_t frameKind = static_cast<uint8_t>(call.u32(3));
  uint64_t version = call.u64(4), position = 0;
  size_t published = 0, count = recordBytes == 0 ? 0 : length / recordBytes;
  RingStatus status = fits(call, recordBytes) ? RingStatus::kOk : RingStatus::kTooLarge;
  while (published < count && status == RingStatus::kOk) {
    status =
        publish(&call.opened->writer, records + published * recordBytes, recordBytes, frameKind, version, &position);
    if (status == RingStatus::kOk) published++;
  }
  if (published > 0) {
    note_if_typed(call, position, records + (published - 1) * recordBytes, recordBytes);
    wake(call.opened);
  }
  call.addon->results()->status = static_cast<double>(status);
  return call.number(static_cast<double>(published));
}

// publishList(ring, count, frameKind, version) -> how many were published. Results.status says why the next one was
// refused. The scratch contains { length u32, pad u32, payload, padding to 8 } for each, from the first record on. The
// position, a double, replaces the first 8 bytes of each that was published.
napi_value publish_list_call(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (int32_t status = refusal(call)) return call.status(status);
  uint32_t count = call.u32(1);
  uint8_t frameKind = static_cast<uint8_t>(call.u32(2));
  uint64_t version = call.u64(3), position = 0;
  uint8_t* at = call.addon->scratch + kFirstRecord;
  uint8_t* end = call.addon->scratch + call.addon->scratchBytes;
  uint32_t published = 0, newestLength = 0;
  const uint8_t* newest = at;
  RingStatus status = RingStatus::kOk;
  while (published < count && end - at >= 8) {
    uint32_t length;
    memcpy(&length, at, sizeof length);
    if (length > static_cast<size_t>(end - at - 8)) break;
    if (!fits(call, length)) status = RingStatus::kTooLarge;
    if (status == RingStatus::kOk)
      status = publish(&call.opened->writer, at + 8, length, frameKind, version, &position);
    if (status != RingStatus::kOk) break;
    double result = static_cast<double>(position);
    memcpy(at, &result, sizeof result);
    newest = at + 8;
    newestLength = length;
    at += 8 + (size_t{length} + 7) / 8 * 8;
    published++;
  }
  if (published > 0) {
    note_if_typed(call, position, newest, newestLength);
    wake(call.opened);
  }
  call.addon->results()->status = static_cast<double>(status);
  return call.number(published);
}

void write_record(FrameRecord* record, const Frame& frame, uint32_t at) {
  record->position = number_of(frame.position);
  record->version = number_of(frame.version);
  record->node = frame.node;
  record->length = frame.length;
  record->frameKind = frame.frameKind;
  record->at = at;
}

// A copy writes whole words, so the last word needs its padding.
uint64_t room_for(const Ring& ring) { return uint64_t{ring.spec.payloadBytes} + 8; }

// The array of a caller that is the first argument, for payloads.
struct Target {
  explicit Target(const Call& call) : begin(const_cast<uint8_t*>(call.bytes(0, &length))) {}
  size_t length = 0;
  uint8_t* begin;  // may be anything if the length is 0
};

// Reads one frame: its record is the first one in the scratch, its payload at the given place, or behind the record.
// The result is undefined, or a status.
template <typename Read>
napi_value read_one(napi_env env, napi_callback_info info, Read read) {
  Call call(env, info, FromScratch{});
  if (int32_t status = unreadable(call)) return call.status(status);
  Frame frame;
  // growScratch and slabAt (scratch.ts, slab.ts) have made room.
  uint8_t* payload = call.room(room_for(call.ring()), kFirstRecord + sizeof(FrameRecord));
  if (payload == nullptr) return call.status(RingStatus::kTooLarge);
  RingStatus status = read(call, call.ring(), &frame, payload);
  if (status != RingStatus::kOk) return call.status(status);
  write_record(reinterpret_cast<FrameRecord*>(call.addon->scratch + kFirstRecord), frame, call.given->place);
  return nullptr;
}

// readAt() -> undefined or a status. Given: position, ring, place
napi_value read_at_call(napi_env env, napi_callback_info info) {
  return read_one(env, info, [](const Call& call, const Ring& ring, Frame* frame, void* payload) {
    return read_frame(ring, call.given->word(), frame, payload);
  });
}

// readHead() -> undefined or a status. Given: ring, place
napi_value read_head_call(napi_env env, napi_callback_info info) {
  return read_one(env, info, [](const Call&, const Ring& ring, Frame* frame, void* payload) {
    return read_newest(ring, frame, payload);
  });
}

// readLatest() -> undefined, with the newest value of the first node, from the given one on, that has one and a living
// member; or a status. Given: node, ring, place
napi_value read_latest_call(napi_env env, napi_callback_info info) {
  return read_one(env, info, [](const Call& call, const Ring& ring, Frame* frame, void* payload) {
    if (ring.latest == nullptr) return RingStatus::kNotYet;
    for (uint64_t node = call.given->word(); node < ring.spec.fleetSize; node++) {
      LatestHeader header;
      RingStatus status = read_latest(ring, static_cast<uint32_t>(node), &header, payload);
      if (status == RingStatus::kCorrupt) return status;
      if (status != RingStatus::kOk || header.position < floor_of(ring)) continue;
      if (!call.opened->fleet->is_alive(static_cast<uint32_t>(node), header.incarnation)) continue;
      *frame = {header.position, 0, static_cast<uint32_t>(node), static_cast<uint32_t>(header.length), 0};
      return RingStatus::kOk;
    }
    return RingStatus::kNotYet;
  });
}

// readHeadInto(target) -> undefined, with the record, and the payload at the beginning of the target; or a status.
// Given: ring
napi_value read_head_into_call(napi_env env, napi_callback_info info) {
  Call call(env, info, FromScratch{1});
  if (int32_t status = unreadable(call)) return call.status(status);
  Target target(call);
  if (target.length < call.ring().spec.payloadBytes) return call.status(RingStatus::kTooLarge);
  Frame frame;
  RingStatus status = read_newest(call.ring(), &frame, target.begin);
  if (status != RingStatus::kOk) return call.status(status);
  write_record(reinterpret_cast<FrameRecord*>(call.addon->scratch + kFirstRecord), frame, 0);
  return nullptr;
}

// readCounter() -> undefined, and the record says which node published the frame; or a status. Given: counter, ring,
// place
napi_value read_counter_call(napi_env env, napi_callback_info info) {
  return read_one(env, info, [](const Call& call, const Ring& ring, Frame* frame, void* payload) {
    return read_frame(ring, position_of_counter(ring, call.given->word()), frame, payload);
  });
}

// A poll writes payloads from `begin` on, and before `end`; their places count from `base`. One needs `room` bytes.
struct Room {
  uint8_t* base;
  uint8_t* begin;
  uint8_t* end;
  uint64_t room;
};

// Polls the frames that `judge(frame, payload)` keeps: their records are in the scratch, their payloads back to back in
// the room, each padded to 8. Given: position, ring, how many frames at most, and as the flag whether the same poll has
// passed positions already that were not lost, so that the call ends before a loss. It ends early when no room is left.
// The result is undefined, with Results. If it has passed no position, Results.to is the given position, and nothing
// else is set.
template <typename Judge>
napi_value poll_into(const Call& call, const Room& room, Judge judge) {
  FrameRecord* record = reinterpret_cast<FrameRecord*>(call.addon->scratch + kFirstRecord);
  const FrameRecord* noRecord = record + kPollRecords;
  uint8_t* at = room.begin;
  Poll poll = poll_frames(
      call.ring(), call.given->word(), call.given->count, call.given->flag != 0,
      [&](uint32_t) -> void* {
        return static_cast<size_t>(room.end - at) >= room.room && record != noRecord ? at : nullptr;
      },
      [&](const Frame& frame) {
        Verdict verdict = judge(frame, at);
        if (verdict != Verdict::kKeep) return verdict;
        write_record(record++, frame, static_cast<uint32_t>(at - room.base));
        size_t padded = (size_t{frame.length} + 7) / 8 * 8, left = static_cast<size_t>(room.end - at);
        at += padded < left ? padded : left;
        return verdict;
      });
  ORBIT_CHECK(at <= room.end);
  Results* results = call.addon->results();
  results->to = number_of(poll.to);
  if (poll.to == poll.from) return nullptr;
  results->from = number_of(poll.from);
  results->head = number_of(poll.head);
  results->lost = number_of(poll.lost);
  results->malformed = number_of(poll.malformed);
  results->bytes = static_cast<double>(at - room.begin);
  results->count = poll.count;
  return nullptr;
}

// A poll whose payloads go to the given place.
template <typename Judge>
napi_value poll_records(const Call& call, Judge judge) {
  if (int32_t status = unreadable(call)) return call.status(status);
  uint64_t room = room_for(call.ring());
  uint8_t* begin = call.room(room, kPollPayloads);
  if (begin == nullptr) return call.status(RingStatus::kTooLarge);
  bool isScratch = call.given->place == kInScratch;
  uint8_t* base = isScratch ? call.addon->scratch : call.addon->slab;
  uint8_t* end = base + (isScratch ? call.addon->scratchBytes : call.addon->slabBytes);
  return poll_into(call, {base, begin, end, room}, judge);
}

// pollInto(target) -> undefined, with Results, and the payloads in the target; or a status
napi_value poll_into_call(napi_env env, napi_callback_info info) {
  Call call(env, info, FromScratch{1});
  if (int32_t status = unreadable(call)) return call.status(status);
  Target target(call);
  uint64_t room = call.ring().spec.payloadBytes;
  if (target.length < room || target.length > UINT32_MAX) return call.status(RingStatus::kTooLarge);
  return poll_into(call, {target.begin, target.begin, target.begin + target.length, room},
                   [](const Frame&, const uint8_t*) { return Verdict::kKeep; });
}

// poll() -> undefined or a status
napi_value poll_call(napi_env env, napi_callback_info info) {
  return poll_records(Call(env, info, FromScratch{}), [](const Frame&, const uint8_t*) { return Verdict::kKeep; });
}

// pollEvents(pattern) -> undefined or a status; what is no event counts as malformed
napi_value poll_events_call(napi_env env, napi_callback_info info) {
  Call call(env, info, FromScratch{1});
  TopicPattern pattern{nullptr, 0};
  pattern.bytes = call.bytes(0, &pattern.length);
  return poll_records(
      call, [&](const Frame& frame, const uint8_t* payload) { return judge_event(pattern, payload, frame.length); });
}

// head(ring) -> the next position
napi_value head_call(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (int32_t status = unreadable(call)) return call.status(status);
  return call.number(static_cast<double>(head_of(call.ring())));
}

// oldest(ring) -> the oldest retained position
napi_value oldest_call(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (int32_t status = unreadable(call)) return call.status(status);
  const Ring& ring = call.ring();
  return call.number(static_cast<double>(oldest_of(ring, head_of(ring))));
}

// reset(ring) -> the floor
ORBIT_COLD napi_value reset_call(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (int32_t status = refusal(call)) return call.status(status);
  if (int32_t status = unreadable(call)) return call.status(status);
  return call.number(static_cast<double>(reset_ring(call.ring())));
}

// hasNews(ring, position) -> 1: a poll from there would return frames or a loss; 0: nothing; or a status
napi_value has_news_call(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (int32_t status = unreadable(call)) return call.status(status);
  return call.number(has_news(call.ring(), call.u64(1)) ? 1 : 0);
}

}  // namespace

bool export_frame_calls(napi_env env, napi_value exports, Addon* addon) {
  return export_hot_calls(env, exports, addon,
                          {{"publish", publish_call},
                           {"publishPacked", publish_packed_call},
                           {"publishList", publish_list_call},
                           {"readAt", read_at_call},
                           {"readHead", read_head_call},
                           {"readHeadInto", read_head_into_call},
                           {"readLatest", read_latest_call},
                           {"readCounter", read_counter_call},
                           {"poll", poll_call},
                           {"pollInto", poll_into_call},
                           {"pollEvents", poll_events_call},
                           {"head", head_call},
                           {"oldest", oldest_call},
                           {"reset", reset_call},
                           {"hasNews", has_news_call}});
}

}  // namespace orbit
