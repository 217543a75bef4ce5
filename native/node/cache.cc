// The hot calls of the cache: index.h for JavaScript.
//
// Frames and keys are written into the scratch at kFrameAt: CacheHeader, namespace and key, padding, value.
#include "node/call.h"
#include "posix/clock.h"
#include "posix/random.h"

namespace orbit {

namespace {

constexpr size_t kFrameAt = kFirstRecord + sizeof(Record);

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

// cacheFind(ring, lengths, known) -> 0: a miss; 1: a hit, whose value is in the scratch at Results.from, Results.bytes
// long; 2: the value is still the one at position `known`; or a status. Results has position (-1: no frame decided),
// head, and as `to` the milliseconds until it expires (-1: never).
napi_value cache_find_call(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (int32_t status = unreadable(call)) return call.status(status);
  uint8_t* frame = call.addon->scratch + kFrameAt;
  Lengths lengths(call.u32(1));
  CacheKey key{frame + sizeof(CacheHeader), lengths.namespaceBytes, lengths.keyBytes};
  uint64_t before = sizeof(CacheHeader) + padded(key.length());
  uint64_t room = call.ring().spec.payloadBytes;
  // TypeScript has checked the key, and growScratch (native.ts) has made room for a whole frame.
  if (before > room || room > call.addon->scratchBytes - kFrameAt) return call.status(RingStatus::kTooLarge);
  uint64_t nowMs = 0;
  auto now = [&] { return nowMs = monotonic_ms(); };
  CacheAnswer answer;
  CacheStatus status = index_of(call)->find(key, call.u64(2), now, frame + before, &answer);
  Results* results = call.addon->results();
  results->position = answer.isDecided ? static_cast<double>(answer.position) : -1;
  results->head = static_cast<double>(answer.head);
  results->from = static_cast<double>(kFrameAt + before);
  results->bytes = answer.valueBytes;
  results->to = answer.expiresAtMs == 0 ? -1 : static_cast<double>(answer.expiresAtMs) - static_cast<double>(nowMs);
  return call.status(static_cast<int32_t>(status));
}

// cachePublish(ring, lengths, value[, ttlMs]) -> undefined, with the position in Results; or a status. `value` is
// bytes, or the number of bytes that are in the frame already. Without ttlMs the entry never expires.
napi_value cache_publish_call(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (int32_t status = refusal(call)) return call.status(status);
  uint8_t* frame = call.addon->scratch + kFrameAt;
  const uint8_t* end = call.addon->scratch + call.addon->scratchBytes;
  Lengths lengths(call.u32(1));
  uint64_t keyBytes = uint64_t{lengths.namespaceBytes} + lengths.keyBytes,
           before = sizeof(CacheHeader) + padded(keyBytes);
  size_t valueBytes = 0;
  const uint8_t* value = call.bytes(2, &valueBytes);
  if (value == nullptr) valueBytes = call.u32(2);
  uint64_t length = before + valueBytes;
  if (length > call.ring().spec.payloadBytes || length > static_cast<size_t>(end - frame)) {
    return call.status(RingStatus::kTooLarge);
  }
  CacheHeader header{lengths.op, lengths.namespaceBytes, lengths.keyBytes, static_cast<uint32_t>(valueBytes)};
  memcpy(frame, &header, sizeof header);
  memset(frame + sizeof header + keyBytes, 0, before - sizeof header - keyBytes);
  if (value != nullptr) memcpy(frame + before, value, valueBytes);
  uint64_t version = call.count > 3 ? monotonic_ms() + call.u64(3) : 0, position = 0;
  RingStatus status =
      publish(&call.opened->writer, frame, static_cast<uint32_t>(length), header.op, version, &position);
  if (status != RingStatus::kOk) return call.status(status);
  wake(call.opened);
  call.addon->results()->position = static_cast<double>(position);
  return nullptr;
}

}  // namespace

bool export_cache_calls(napi_env env, napi_value exports, Addon* addon) {
  return export_hot_calls(env, exports, addon, {{"cacheFind", cache_find_call}, {"cachePublish", cache_publish_call}});
}

}  // namespace orbit
