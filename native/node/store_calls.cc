// The hot calls of a store: storeget.h and storeput.h for JavaScript.
//
// A key is in the scratch, as storecall.h says. `count` is its length, with its namespace.
#include "node/storecall.h"

namespace orbit {

namespace {

// Milliseconds until a time; -1: never.
double until(uint64_t timeMs, uint64_t nowMs) {
  return timeMs == 0 ? -1 : static_cast<double>(timeMs) - static_cast<double>(nowMs);
}

void leave(Results* results, const StoreEntry& entry) {
  results->position = number_of(entry.id);
  results->bytes = number_of(entry.valueBytes);
  results->head = entry.isStale ? 1 : 0;
}

void leave_times(Results* results, const StoreEntry& entry, uint64_t nowMs) {
  results->to = until(entry.expiresAtMs, nowMs);
  results->lost = entry.bornMs < nowMs ? number_of(nowMs - entry.bornMs) : 0;
}

// The time of a get, if its entry expires. One type for all calls, so that they share what is compiled for it.
struct Now {
  bool isEvenExpired;
  uint64_t operator()() const { return isEvenExpired ? 0 : monotonic_ms(); }  // at 0 nothing has expired yet
};

// Finds a key, and copies its value to `target`.
napi_value find(const StoreCall& call, uint8_t* target, uint64_t capacity) {
  uint32_t flags = call.given->flag;
  Now now{(flags & kEvenExpired) != 0};
  StoreWriter* counting = (flags & kUncounted) != 0 ? nullptr : call.writer();
  StoreKey key = call.key();
  StoreEntry entry = {};
  StoreStatus status = (flags & kWithoutValue) != 0
                           ? head_value(call.store(), counting, key, now, &entry)
                           : get_value(call.store(), counting, key, now, target, capacity, &entry);
  Results* results = call.addon->results();
  if (status == StoreStatus::kDone || status == StoreStatus::kShort) {
    leave(results, entry);
    if ((flags & kWithTimes) != 0) leave_times(results, entry, monotonic_ms());
    memcpy(&results->malformed, &key.hash, sizeof key.hash);
  }
  return call.answer(status);
}

// storeGet() -> undefined: a hit, with its value at the given place, or for kInScratch behind the key, at
// Results.from; 0: a miss; kStatusShort: the value is longer than the room; or a status. Given: store, place, flags.
// Results has the id as the position, its bytes, as the head whether it is stale, and the 8 bytes of the hash as
// `malformed`; with kWithTimes, as `to` the milliseconds until it expires (-1: never), as `lost` its age
napi_value store_get_call(napi_env env, napi_callback_info info) {
  StoreCall call(env, info);
  if (int32_t status = call.refusal(false)) return call.number(status);
  bool isScratch = call.given->place == kInScratch;
  uint8_t* base = isScratch ? call.addon->scratch : call.addon->slab;
  size_t size = isScratch ? call.addon->scratchBytes : call.addon->slabBytes;
  size_t offset = isScratch ? call.after_key() : call.given->place;
  napi_value found = find(call, base + offset, offset < size ? size - offset : 0);
  call.addon->results()->from = static_cast<double>(offset);
  return found;
}

// storeGetInto(target): as storeGet; the given place is an offset in the target
napi_value store_get_into_call(napi_env env, napi_callback_info info) {
  StoreCall call(env, info, 1);
  if (int32_t status = call.refusal(false)) return call.number(status);
  void* target = nullptr;
  size_t length = 0;
  napi_get_typedarray_info(env, call.arguments[0], nullptr, &length, &target, nullptr, nullptr);
  size_t at = call.given->place;
  return find(call, static_cast<uint8_t*>(target) + at, at < length ? length - at : 0);
}

// storeIsUnchanged() -> undefined: the entry with the id is still that of its key; 0: it is not; or a status. Given:
// the id as the number, store, the hash of the key as the place and the count, the lower half first. Results as of
// storeGet
napi_value store_is_unchanged_call(napi_env env, napi_callback_info info) {
  StoreCall call(env, info);
  if (int32_t status = call.refusal(false)) return call.number(status);
  uint64_t hash = uint64_t{call.given->count} << 32 | call.given->place;
  StoreEntry entry;
  bool isSame = is_unchanged(call.store(), call.writer(), hash, call.given->word(), Now{false}, &entry);
  if (!isSame) return call.number(0);
  leave(call.addon->results(), entry);
  return nullptr;
}

// What a put stores and under which condition, from the scratch. False: the scratch does not hold it.
bool read_put(const StoreCall& call, uint64_t nowMs, StoreValue* value, PutCondition* condition, uint64_t* tags,
              size_t* valueAt) {
  *valueAt = call.after_key();
  if (call.given->flag == 0) return true;
  StoreOptions options;
  memcpy(&options, call.addon->scratch + kFirstRecord, sizeof options);
  if (options.tagCount > kMaxStoreTags) return false;
  const uint8_t* at = call.addon->scratch + *valueAt;
  for (uint32_t i = 0; i < options.tagCount; i++) {
    uint16_t length;
    if (call.end() - at < static_cast<ptrdiff_t>(sizeof length)) return false;
    memcpy(&length, at, sizeof length);
    at += sizeof length;
    if (call.end() - at < length) return false;
    tags[i] = tag_hash(call.store(), at, length);
    at += length;
  }
  *valueAt += options.tagBytes;
  value->tags = tags;
  value->tagCount = options.tagCount;
  uint64_t ttlMs = static_cast<uint64_t>(options.ttlMs), staleMs = static_cast<uint64_t>(options.staleMs);
  if (ttlMs != 0) value->expiresAtMs = nowMs + ttlMs + staleMs;
  if (staleMs != 0) value->staleAtMs = nowMs + ttlMs;
  condition->kind = static_cast<PutIf>(options.condition);
  condition->id = static_cast<uint64_t>(options.id);
  condition->reservation = options.reservation;
  return true;
}

// storePut(value) -> undefined, with the id as the position in Results; 1: the same, and the change is to be noted;
// 0: the condition did not hold; or a status. Given: store, flag 1: there are StoreOptions. `value` undefined: the
// given place says how many bytes it has, behind the key and the tags
napi_value store_put_call(napi_env env, napi_callback_info info) {
  StoreCall call(env, info, 1);
  if (int32_t status = call.refusal(true)) return call.number(status);
  uint64_t nowMs = call.given->flag == 0 ? about_monotonic_ms() : monotonic_ms();
  uint64_t tags[kMaxStoreTags];
  StoreValue value = {};
  PutCondition condition = {};
  size_t valueAt;
  if (!read_put(call, nowMs, &value, &condition, tags, &valueAt)) return call.answer(StoreStatus::kTooLarge);
  void* bytes = nullptr;
  size_t length = 0;
  bool isGiven =
      napi_get_typedarray_info(env, call.arguments[0], nullptr, &length, &bytes, nullptr, nullptr) == napi_ok;
  if (!isGiven) {
    length = call.given->place;
    if (valueAt > call.addon->scratchBytes || length > call.addon->scratchBytes - valueAt) {
      return call.answer(StoreStatus::kTooLarge);
    }
    bytes = call.addon->scratch + valueAt;
  }
  value.bytes = bytes;
  value.length = length;
  uint64_t id = 0;
  StoreStatus status = put_value(call.writer(), call.key(), value, nowMs, condition, &id);
  if (status == StoreStatus::kDone) call.addon->results()->position = number_of(id);
  return call.changed(status);
}

// storeDelete() -> undefined: there was an entry; 1: the same, and the change is to be noted; 0: there was none; or a
// status. Given: store
napi_value store_delete_call(napi_env env, napi_callback_info info) {
  StoreCall call(env, info);
  if (int32_t status = call.refusal(true)) return call.number(status);
  return call.changed(delete_key(call.writer(), call.key(), monotonic_ms()));
}

// storeReserve() -> undefined, with the reservation in the StoreOptions; or a status. Given: store
ORBIT_COLD napi_value store_reserve_call(napi_env env, napi_callback_info info) {
  StoreCall call(env, info);
  if (int32_t status = call.refusal(true)) return call.number(status);
  StoreOptions* options = reinterpret_cast<StoreOptions*>(call.addon->scratch + kFirstRecord);
  return call.answer(reserve_key(call.writer(), call.key(), monotonic_ms(), &options->reservation));
}

// storeReset() -> undefined; 1: the change is to be noted; or a status. Given: store; the key is a prefix
ORBIT_COLD napi_value store_reset_call(napi_env env, napi_callback_info info) {
  StoreCall call(env, info);
  if (int32_t status = call.refusal(true)) return call.number(status);
  return call.changed(reset_prefix(call.store(), call.key_bytes(), call.given->count, monotonic_ms()));
}

// storeInvalidate() -> undefined; 1: the change is to be noted; or a status. Results has its time as the head. Given: 0
// as the number, or the time of another tag's invalidation, which this one belongs to; store; the key is a tag
ORBIT_COLD napi_value store_invalidate_call(napi_env env, napi_callback_info info) {
  StoreCall call(env, info);
  if (int32_t status = call.refusal(true)) return call.number(status);
  uint64_t timeMs = call.given->word();
  if (timeMs == 0) timeMs = draw_time(call.store(), monotonic_ms());
  raise_floor(call.store(), tag_hash(call.store(), call.key_bytes(), call.given->count), timeMs);
  call.addon->results()->head = number_of(timeMs);
  return call.changed(StoreStatus::kDone);
}

// storeWatch() -> undefined: from now on changes are to be noted; or a status. Given: store
ORBIT_COLD napi_value store_watch_call(napi_env env, napi_callback_info info) {
  StoreCall call(env, info);
  if (int32_t status = call.refusal(true)) return call.number(status);
  watch_store(call.store());
  return nullptr;
}

// storeInvalidatedAt() -> the time of monotonic_ms at which a tag was last invalidated, or a later one; 0: never; or a
// status. Given: store; the key is a tag
ORBIT_COLD napi_value store_invalidated_at_call(napi_env env, napi_callback_info info) {
  StoreCall call(env, info);
  if (int32_t status = call.refusal(false)) return call.number(status);
  return call.number(number_of(tag_floor(call.store(), tag_hash(call.store(), call.key_bytes(), call.given->count))));
}

// storeList() -> how many entries were left as ListedEntrys from kFirstRecord on; or a status. Given: the first bucket
// as the number, store. Results has the next bucket as `to`, and how many buckets there are as the head
ORBIT_COLD napi_value store_list_call(napi_env env, napi_callback_info info) {
  StoreCall call(env, info);
  if (int32_t status = call.refusal(false)) return call.number(status);
  uint64_t nowMs = monotonic_ms(), bucket = call.given->word();
  uint32_t buckets = call.store().spec.bucketCount, found = 0;
  uint8_t* at = call.addon->scratch + kFirstRecord;
  // Whole buckets only: of 8 entries at most.
  constexpr ptrdiff_t kBucketBytes = 8 * (sizeof(ListedEntry) + kMaxStoreKeyBytes);
  for (; bucket < buckets && call.end() - at >= kBucketBytes; bucket++) {
    scan_bucket(call.store(), static_cast<uint32_t>(bucket), nowMs, [&](const uint8_t* key, const StoreEntry& entry) {
      double ageMs = entry.bornMs < nowMs ? number_of(nowMs - entry.bornMs) : 0;
      ListedEntry record = {
          number_of(entry.id), number_of(entry.valueBytes), ageMs, until(entry.expiresAtMs, nowMs), entry.keyBytes,
          entry.frequency};
      if (call.end() - at < static_cast<ptrdiff_t>(sizeof record + entry.keyBytes + kPadding)) return;
      memcpy(at, &record, sizeof record);
      memcpy(at + sizeof record, key, entry.keyBytes);
      at += sizeof record + ((entry.keyBytes + kPadding) & ~kPadding);
      found++;
    });
  }
  call.addon->results()->to = number_of(bucket);
  call.addon->results()->head = buckets;
  return call.number(found);
}

}  // namespace

ORBIT_COLD bool export_store_calls(napi_env env, napi_value exports, Addon* addon) {
  return export_hot_calls(env, exports, addon,
                          {{"storeGet", store_get_call},
                           {"storeGetInto", store_get_into_call},
                           {"storeIsUnchanged", store_is_unchanged_call},
                           {"storePut", store_put_call},
                           {"storeDelete", store_delete_call},
                           {"storeReserve", store_reserve_call},
                           {"storeReset", store_reset_call},
                           {"storeInvalidate", store_invalidate_call},
                           {"storeWatch", store_watch_call},
                           {"storeInvalidatedAt", store_invalidated_at_call},
                           {"storeList", store_list_call}});
}

}  // namespace orbit
