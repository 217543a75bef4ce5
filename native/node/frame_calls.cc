// The hot calls of frames: publish, read, poll. Numbers and bytes of the caller in, numbers out.
#include "node/call.h"
#include "protocol/cursor.h"
#include "protocol/debug.h"
#include "protocol/topic.h"

namespace orbit {

namespace {

// publish(ring, payload[, frameKind, version]) -> undefined, with the position in Results; or a status
napi_value publish_call(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (int32_t status = refusal(call)) return call.status(status);
  size_t length = 0;
  const uint8_t* payload = call.bytes(1, &length);
  uint8_t frameKind = call.count > 2 ? static_cast<uint8_t>(call.u32(2)) : 0;
  uint64_t version = call.count > 3 ? call.u64(3) : 0;
  if (!fits(call, length)) return call.status(RingStatus::kTooLarge);
  uint32_t bytes = length > UINT32_MAX ? UINT32_MAX : static_cast<uint32_t>(length);
  uint64_t position = 0;
  RingStatus status = publish(&call.opened->writer, payload, bytes, frameKind, version, &position);
  if (status != RingStatus::kOk) return call.status(status);
  wake(call.opened);
  call.addon->results()->position = static_cast<double>(position);
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
  if (published > 0) wake(call.opened);
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
  uint32_t published = 0;
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
    at += 8 + (size_t{length} + 7) / 8 * 8;
    published++;
  }
  if (published > 0) wake(call.opened);
  call.addon->results()->status = static_cast<double>(status);
  return call.number(published);
}

void write_record(uint8_t* at, const Frame& frame) {
  Record* record = reinterpret_cast<Record*>(at);
  record->position = static_cast<double>(frame.position);
  record->version = static_cast<double>(frame.version);
  record->node = frame.node;
  record->length = frame.length;
  record->frameKind = frame.frameKind;
}

// Reads one frame into the first record. The result is 1, or a status.
template <typename Read>
napi_value read_one(napi_env env, napi_callback_info info, Read read) {
  Call call(env, info);
  if (int32_t status = unreadable(call)) return call.status(status);
  Frame frame;
  uint8_t* at = call.addon->scratch + kFirstRecord;
  // growScratch (native.ts) has made room for every open ring.
  if (call.addon->scratchBytes < kFirstRecord + sizeof(Record) + call.ring().spec.payloadBytes + 8) {
    return call.status(RingStatus::kTooLarge);
  }
  RingStatus status = read(call, call.ring(), &frame, at + sizeof(Record));
  if (status != RingStatus::kOk) return call.status(status);
  write_record(at, frame);
  return call.number(1);
}

// readAt(ring, position) -> 1 or a status
napi_value read_at_call(napi_env env, napi_callback_info info) {
  return read_one(env, info, [](const Call& call, const Ring& ring, Frame* frame, void* payload) {
    return read_frame(ring, call.u64(1), frame, payload);
  });
}

// readHead(ring) -> 1 or a status
napi_value read_head_call(napi_env env, napi_callback_info info) {
  return read_one(env, info, [](const Call&, const Ring& ring, Frame* frame, void* payload) {
    return read_newest(ring, frame, payload);
  });
}

// readCounter(ring, counter) -> 1, and the record says which node published the frame; or a status
napi_value read_counter_call(napi_env env, napi_callback_info info) {
  return read_one(env, info, [](const Call& call, const Ring& ring, Frame* frame, void* payload) {
    return read_frame(ring, position_of_counter(ring, call.u64(1)), frame, payload);
  });
}

// Polls the frames that `judge(frame, payload)` keeps into records, and counts into Results. The result is the number
// of records, or a status.
template <typename Judge>
napi_value poll_scratch(const Call& call, Judge judge) {
  if (int32_t status = unreadable(call)) return call.status(status);
  uint8_t* at = call.addon->scratch + kFirstRecord;
  uint8_t* end = call.addon->scratch + call.addon->scratchBytes;
  Poll poll = poll_frames(
      call.ring(), call.u64(1), call.u32(2), call.u32(3) != 0,
      [&](uint32_t payloadBytes) -> void* {
        // A read writes whole words, so the last word needs its padding.
        return static_cast<size_t>(end - at) >= sizeof(Record) + payloadBytes + 8 ? at + sizeof(Record) : nullptr;
      },
      [&](const Frame& frame) {
        Verdict verdict = judge(frame, at + sizeof(Record));
        if (verdict != Verdict::kKeep) return verdict;
        write_record(at, frame);
        at += sizeof(Record) + (size_t{frame.length} + 7) / 8 * 8;
        return verdict;
      });
  ORBIT_CHECK(at <= end);
  Results* results = call.addon->results();
  results->from = static_cast<double>(poll.from);
  results->to = static_cast<double>(poll.to);
  results->head = static_cast<double>(poll.head);
  results->lost = static_cast<double>(poll.lost);
  results->malformed = static_cast<double>(poll.malformed);
  results->bytes = static_cast<double>(at - call.addon->scratch - kFirstRecord);
  return call.number(poll.count);
}

// poll(ring, position, max, isContinued) -> how many frames. isContinued, 0 or 1: the same poll has passed positions
// already that were not lost, so the call ends before a loss
napi_value poll_call(napi_env env, napi_callback_info info) {
  return poll_scratch(Call(env, info), [](const Frame&, const uint8_t*) { return Verdict::kKeep; });
}

// pollEvents(ring, position, max, isContinued, pattern) -> how many events; what is no event counts as malformed
napi_value poll_events_call(napi_env env, napi_callback_info info) {
  Call call(env, info);
  TopicPattern pattern{nullptr, 0};
  pattern.bytes = call.bytes(4, &pattern.length);
  return poll_scratch(
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
napi_value reset_call(napi_env env, napi_callback_info info) {
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
                           {"readCounter", read_counter_call},
                           {"poll", poll_call},
                           {"pollEvents", poll_events_call},
                           {"head", head_call},
                           {"oldest", oldest_call},
                           {"reset", reset_call},
                           {"hasNews", has_news_call}});
}

}  // namespace orbit
