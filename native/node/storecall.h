// A hot call of a store: what it takes from the scratch, and what it leaves there.
//
//   0      Arguments; after the call, Results
//   64     StoreOptions of a put; or the ListedEntrys of a list
//   128    the key, its namespace in front; padded to 8 bytes, then the tags of a put, then its value, or that of a get
#pragma once

#include "node/call.h"
#include "posix/clock.h"

namespace orbit {

// Of a put. Tags follow the key: each has its length in 2 bytes, then its text; padded to 8 bytes together.
struct StoreOptions {
  double ttlMs;    // fresh for so long; 0: for ever
  double staleMs;  // then stale for so long
  double id;       // kIfId: of the entry that it replaces
  uint32_t condition;
  uint32_t tagCount;
  uint32_t tagBytes;
  uint32_t reserved;
  Reservation reservation;  // kIfReserved
};
static_assert(sizeof(StoreOptions) == 56, "whole words, in front of the key");

// An entry of a list. Its key follows, padded to 8 bytes.
struct ListedEntry {
  double id, valueBytes, ageMs, expiresInMs;
  uint32_t keyBytes, frequency;
};
static_assert(sizeof(ListedEntry) == 40, "the key follows on a word");

constexpr size_t kStoreKeyAt = kFirstRecord + 64;
constexpr uint32_t kPadding = 7;

// Flags of the calls that read.
constexpr uint32_t kEvenExpired = 1, kWithoutValue = 2, kUncounted = 4, kWithTimes = 8;

struct StoreCall {
  StoreCall(napi_env environment, napi_callback_info info, size_t arity = 0) : env(environment), count(arity) {
    void* data;
    napi_get_cb_info(env, info, &count, arguments, nullptr, &data);
    addon = static_cast<Addon*>(data);
    given = reinterpret_cast<const Arguments*>(addon->scratch);
    opened = addon->store(given->ring);
  }

  // Why the call cannot be made, or 0.
  int32_t refusal(bool isWrite) const {
    if (opened == nullptr) return kStatusClosed;
    if (isWrite && !opened->writable) return kStatusReadOnly;
    bool isRetired = is_retired(opened->store);
    return isRetired ? static_cast<int32_t>(RingStatus::kRetired) : 0;
  }

  const ValueStore& store() const { return opened->store; }
  StoreWriter* writer() const { return opened->writable ? &opened->writer : nullptr; }
  uint8_t* key_bytes() const { return addon->scratch + kStoreKeyAt; }
  const uint8_t* end() const { return addon->scratch + addon->scratchBytes; }
  // TypeScript has checked the length, and that the scratch has room for it.
  StoreKey key() const { return store_key(store(), key_bytes(), given->count); }
  size_t after_key() const { return kStoreKeyAt + ((given->count + size_t{kPadding}) & ~size_t{kPadding}); }

  napi_value number(double value) const {
    napi_value result;
    napi_create_double(env, value, &result);
    return result;
  }
  // What became of a call that has no more to say: undefined when it is done, 0 for none or refused, or a status.
  napi_value answer(StoreStatus status) const {
    switch (status) {
      case StoreStatus::kDone:
        return nullptr;
      case StoreStatus::kNone:
      case StoreStatus::kRefused:
        return number(0);
      case StoreStatus::kTooLarge:
        return number(static_cast<double>(RingStatus::kTooLarge));
      case StoreStatus::kRetired:
        return number(static_cast<double>(RingStatus::kRetired));
      case StoreStatus::kShort:
        return number(kStatusShort);
      case StoreStatus::kNoRoom:
        return number(kStatusFull);
      case StoreStatus::kCorrupt:
        break;
    }
    return number(static_cast<double>(RingStatus::kCorrupt));
  }

  // The answer to a call that changes the store; 1: done, and to be noted for watchers.
  napi_value changed(StoreStatus status) const {
    return status == StoreStatus::kDone && is_watched(store()) ? number(1) : answer(status);
  }

  napi_env env;
  size_t count;
  napi_value arguments[1];
  Addon* addon;
  const Arguments* given;
  OpenStore* opened;  // null: closed
};

}  // namespace orbit
