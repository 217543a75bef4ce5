// The hot calls of the cache: index.h for JavaScript.
//
// Frames and keys are written into the scratch at kFrameAt: CacheHeader, namespace and key, padding, value.
#include "node/call.h"
#include "posix/clock.h"
#include "posix/random.h"

namespace orbit {

namespace {

constexpr size_t kFrameAt = kFirstRecord + sizeof(FrameRecord);

CacheIndex* index_of(const Call& call) {
  std::unique_ptr<CacheIndex>& index = call.addon->rings[call.handle].index;
  if (index == nullptr) index = std::make_unique<CacheIndex>(call.ring(), random_word());
  return index.get();
}

// The lengths of a key, and the operation, in one number: op, namespaceBytes << 8, keyBytes << 16.
struct Lengths {
  explicit Lengths(uint32_t packed)
      : op(static_cast<uint8_t>(packed)),
        namespaceBytes(static_cast<uint8_t>(packed >> 8)),
        keyBytes(static_cast<uint16_t>(packed >> 16)) {}
  uint8_t op, namespaceBytes;
  uint16_t keyBytes;
};

// cacheFind() -> undefined: a hit, whose value is at the given place, or for kInScratch at Results.from, and
// Results.bytes long; 0: a miss; 2: the value is still the one at position `known`; or a status. Given: known, ring,
// place, lengths as the count. Results has position (-1: no frame decided), head, and as `to` the milliseconds until it
// expires (-1: never).
napi_value cache_find_call(napi_env env, napi_callback_info info) {
  Call call(env, info, FromScratch{});
  if (int32_t status = unreadable(call)) return call.status(status);
  uint8_t* frame = call.addon->scratch + kFrameAt;
  Lengths lengths(call.given->count);
  CacheKey key{frame + sizeof(CacheHeader), lengths.namespaceBytes, lengths.keyBytes};
  uint64_t before = sizeof(CacheHeader) + padded(key.length());
  uint64_t room = call.ring().spec.payloadBytes;
  // TypeScript has checked the key, and growScratch and slabAt (scratch.ts, slab.ts) have made room for a whole frame.
  uint8_t* value = before > room ? nullptr : call.room(room - before, kFrameAt + before);
  if (value == nullptr) return call.status(RingStatus::kTooLarge);
  uint64_t nowMs = 0;
  auto now = [&] { return nowMs = monotonic_ms(); };
  CacheAnswer answer;
  uint64_t known = call.given->word();
  CacheStatus status = index_of(call)->find(key, known, now, value, &answer);
  if (call.opened->writable) count_lookup(call.opened->writer, status != CacheStatus::kMiss);
  Results* results = call.addon->results();
  results->position = answer.isDecided ? number_of(answer.position) : -1;
  results->head = number_of(answer.head);
  results->from = static_cast<double>(kFrameAt + before);
  results->bytes = answer.valueBytes;
  results->to = answer.expiresAtMs == 0 ? -1 : static_cast<double>(answer.expiresAtMs) - static_cast<double>(nowMs);
  return status == CacheStatus::kHit ? nullptr : call.status(static_cast<int32_t>(status));
}

// cacheNote() -> 1: notes older frames in the index, and there are more of them; 0: all are noted; or a status. Given:
// ring, how many frames as the count.
napi_value cache_note_call(napi_env env, napi_callback_info info) {
  Call call(env, info, FromScratch{});
  if (int32_t status = unreadable(call)) return call.status(status);
  return call.number(index_of(call)->note_some(call.given->count) ? 1 : 0);
}

// cachePublish() -> undefined, with the position in Results; or a status. Given: the time to live, ring, how long the
// value is as the place, lengths as the count, whether the entry expires as the flag.
napi_value cache_publish_call(napi_env env, napi_callback_info info) {
  Call call(env, info, FromScratch{});
  if (int32_t status = refusal(call)) return call.status(status);
  uint8_t* frame = call.addon->scratch + kFrameAt;
  const uint8_t* end = call.addon->scratch + call.addon->scratchBytes;
  Lengths lengths(call.given->count);
  uint64_t keyBytes = uint64_t{lengths.namespaceBytes} + lengths.keyBytes,
           before = sizeof(CacheHeader) + padded(keyBytes);
  uint32_t valueBytes = call.given->place;
  uint64_t length = before + valueBytes;
  if (length > call.ring().spec.payloadBytes || length > static_cast<size_t>(end - frame)) {
    return call.status(RingStatus::kTooLarge);
  }
  CacheHeader header{lengths.op, lengths.namespaceBytes, lengths.keyBytes, valueBytes};
  memcpy(frame, &header, sizeof header);
  memset(frame + sizeof header + keyBytes, 0, before - sizeof header - keyBytes);
  uint64_t expiresAtMs = call.given->flag == 0 ? 0 : monotonic_ms() + call.given->word();
  uint64_t position = 0;
  RingStatus status =
      publish(&call.opened->writer, frame, static_cast<uint32_t>(length), header.op, expiresAtMs, &position);
  if (status != RingStatus::kOk) return call.status(status);
  wake(call.opened);
  call.addon->results()->position = number_of(position);
  return nullptr;
}

}  // namespace

bool export_cache_calls(napi_env env, napi_value exports, Addon* addon) {
  return export_hot_calls(
      env, exports, addon,
      {{"cacheFind", cache_find_call}, {"cacheNote", cache_note_call}, {"cachePublish", cache_publish_call}});
}

}  // namespace orbit
