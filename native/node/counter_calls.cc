// The calls of counters: counters.h for JavaScript. All are hot calls.
//
// They take their numbers from the scratch, and leave what they found at kFirstRecord:
//   Arguments.number   the operand
//   Arguments.place    the cell in which the counter was found; any number that is no cell: it must be looked up
//   Arguments.count    the low bits of the stamp that its bucket had then
//   Arguments.flag     the generation of its name | CounterOp << 24 | CounterKind << 28
//   kFirstRecord       CounterArguments; after the call CounterRecord
#include <math.h>

#include "node/call.h"
#include "posix/clock.h"
#include "protocol/counters.h"

namespace orbit {

namespace {

constexpr int32_t kNothing = 0, kRemoved = 1;
// A list looks into so many buckets at most: about a millisecond, even if all are full.
constexpr uint32_t kBucketsPerList = 512;
constexpr double kMostExact = 9007199254740991;  // 2^53 - 1

uint64_t now_ms() { return monotonic_ms(); }

double number_in(uint64_t word, bool isFloat) {
  if (!isFloat) return static_cast<double>(static_cast<int64_t>(word));
  double value;
  memcpy(&value, &word, sizeof value);
  return value;
}
uint64_t word_of(double value, bool isFloat) {
  if (!isFloat) return static_cast<uint64_t>(static_cast<int64_t>(value));
  uint64_t word;
  memcpy(&word, &value, sizeof word);
  return word;
}

struct CounterCall : Call {
  CounterCall(napi_env environment, napi_callback_info info, size_t arity)
      : Call(environment, info, FromScratch{arity}),
        operand(given->number),
        op(static_cast<CounterOp>(given->flag >> 24 & 0xf)),
        kind(static_cast<CounterKind>(given->flag >> 28)),
        more(*reinterpret_cast<const CounterArguments*>(addon->scratch + kFirstRecord)) {
    spot.cell = given->place;
    spot.generation = given->flag & 0xffffff;
    stamp = given->count;
  }

  // Whether the bucket has still the stamp with which the counter was found.
  bool is_known() {
    if (spot.cell >= cell_count(ring())) return false;
    spot.word = load_acquire(&ring().slots[spot.cell / kBucketCells]);
    return static_cast<uint32_t>(lap_in(spot.word)) == stamp;
  }
  // The value after the change; false: it is refused. The sum of integers is exact as long as it is accepted. That of
  // two infinities may be no number.
  bool next(double value, bool isNew, double* to) const {
    switch (op) {
      case CounterOp::kAdd:
        *to = value + operand;
        return kind == kFloat ? !isnan(*to) : fabs(*to) <= kMostExact;
      case CounterOp::kAddUntil:
        *to = value + operand;
        return operand < 0 ? *to >= more.limit : *to <= more.limit;
      case CounterOp::kSet:
        *to = operand;
        return true;
      case CounterOp::kMax:
        *to = isNew || operand > value ? operand : value;
        return true;
      case CounterOp::kMin:
        *to = isNew || operand < value ? operand : value;
        return true;
    }
    return false;
  }
  auto change() {
    return [this](uint64_t* word, bool isNew) {
      bool isFloat = kind == kFloat;
      double before = isNew ? 0 : number_in(*word, isFloat);
      record.had = !isNew;
      record.before = before;
      if (!next(before, isNew, &record.value)) return false;
      *word = word_of(record.value, isFloat);
      return true;
    };
  }
  void leave() {
    record.cell = spot.cell;
    record.stamp = static_cast<uint32_t>(lap_in(spot.word));
    record.generation = spot.generation;
    *reinterpret_cast<CounterRecord*>(addon->scratch + kFirstRecord) = record;
  }
  // Undefined for a change that was made; otherwise a status.
  napi_value end(CounterStatus status) {
    if (status == CounterStatus::kDone) {
      leave();
      return nullptr;
    }
    if (status == CounterStatus::kRefused) leave();
    return number(status == CounterStatus::kFull ? kStatusFull : static_cast<double>(status));
  }
  // Reads the name. A string of another length than a name may have reads as an empty one.
  CounterName name(char (&bytes)[kMaxNameBytes + 8], size_t index) const {
    size_t length = 0;
    napi_get_value_string_utf8(env, arguments[index], bytes, sizeof bytes, &length);
    return {bytes, length > kMaxNameBytes ? 0 : static_cast<uint32_t>(length), kind};
  }

  double operand;
  CounterOp op;
  CounterKind kind;
  CounterArguments more;
  CounterSpot spot;
  uint32_t stamp;
  CounterRecord record = {};
};

// counterChange() -> undefined: changed, and the record has the counter; or a status. kStale and kNone: look it up.
napi_value change_call(napi_env env, napi_callback_info info) {
  CounterCall call(env, info, 0);
  if (int32_t status = refusal(call)) return call.status(status);
  if (is_retired(call.ring())) return call.status(RingStatus::kRetired);
  if (!call.is_known()) return call.end(CounterStatus::kStale);
  uint64_t ttlMs = static_cast<uint64_t>(call.more.ttlMs);
  return call.end(change_cell(&call.opened->writer, call.spot, ttlMs, now_ms, call.change()));
}

// counterChangeNamed(name) -> undefined: changed, and the record has the counter; or a status
napi_value change_named_call(napi_env env, napi_callback_info info) {
  CounterCall call(env, info, 1);
  if (int32_t status = refusal(call)) return call.status(status);
  char bytes[kMaxNameBytes + 8];
  uint64_t ttlMs = static_cast<uint64_t>(call.more.ttlMs);
  return call.end(change_counter(&call.opened->writer, call.name(bytes, 0), ttlMs, now_ms, call.change(), &call.spot));
}

// counterGet(name) -> undefined: there is one, and the record has it; or a status. Looks where it was found before, and
// otherwise by name.
napi_value get_call(napi_env env, napi_callback_info info) {
  CounterCall call(env, info, 1);
  if (int32_t status = unreadable(call)) return call.status(status);
  CounterValue value;
  CounterStatus status = CounterStatus::kStale;
  if (call.is_known()) {
    Pair seen;
    status = read_cell(call.ring(), call.spot, now_ms, &seen);
    value.value = seen.value;
  }
  if (status != CounterStatus::kDone) {
    char bytes[kMaxNameBytes + 8];
    status = read_counter(call.ring(), call.name(bytes, 0), now_ms, &value, &call.spot);
  }
  if (status == CounterStatus::kDone) {
    call.record.had = 1;
    call.record.value = call.record.before = number_in(value.value, call.kind == kFloat);
  }
  return call.end(status);
}

// counterRemove(name) -> 1: removed, and the record has its last value; 0: there was none; or a status
ORBIT_COLD napi_value remove_call(napi_env env, napi_callback_info info) {
  CounterCall call(env, info, 1);
  if (int32_t status = refusal(call)) return call.status(status);
  if (is_retired(call.ring())) return call.status(RingStatus::kRetired);
  char bytes[kMaxNameBytes + 8];
  uint64_t last = 0;
  CounterStatus status = remove_counter(&call.opened->writer, call.name(bytes, 0), now_ms, &last);
  if (status == CounterStatus::kNone) return call.number(kNothing);
  if (status != CounterStatus::kDone) return call.end(status);
  call.record.value = call.record.before = number_in(last, call.kind == kFloat);
  call.leave();
  return call.number(kRemoved);
}

// counterList(counters, bucket, prefix) -> the bucket to go on with, or the capacity at the end; or a status. The
// counters of the buckets before it whose names begin with the prefix are in the scratch from kFirstRecord on,
// Results.bytes long: ListedCounter, name, padding.
ORBIT_COLD napi_value list_call(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (int32_t status = unreadable(call)) return call.status(status);
  const Ring& ring = call.ring();
  char prefix[kMaxNameBytes + 8];
  size_t prefixBytes = 0, end = call.addon->scratchBytes, at = kFirstRecord;
  napi_get_value_string_utf8(env, call.arguments[2], prefix, sizeof prefix, &prefixBytes);
  constexpr size_t kMostOfBucket = kBucketCells * (sizeof(ListedCounter) + kMaxNameBytes);
  uint32_t bucket = call.u32(1), last = bucket + kBucketsPerList < ring.mask ? bucket + kBucketsPerList : ring.mask;
  for (; bucket <= last && end - at >= kMostOfBucket; bucket++) {
    visit_counters(ring, bucket, now_ms, [&](const CounterHeader& header, const uint8_t* bytes, CounterValue value) {
      if (header.nameBytes < prefixBytes || memcmp(bytes, prefix, prefixBytes) != 0) return;
      double leftMs = value.expiryMs == 0 ? -1 : static_cast<double>(value.expiryMs) - static_cast<double>(now_ms());
      ListedCounter listed{number_in(value.value, header.kind == kFloat),
                           value.expiryMs != 0 && leftMs < 0 ? 0 : leftMs,
                           bucket * kBucketCells + header.cell,
                           header.generation,
                           header.kind,
                           header.nameBytes,
                           {}};
      memcpy(call.addon->scratch + at, &listed, sizeof listed);
      memcpy(call.addon->scratch + at + sizeof listed, bytes, header.nameBytes);
      at += sizeof listed + (header.nameBytes + 7u) / 8 * 8;
    });
  }
  call.addon->results()->bytes = static_cast<double>(at - kFirstRecord);
  return call.number(bucket);
}

}  // namespace

bool export_counter_calls(napi_env env, napi_value exports, Addon* addon) {
  return export_hot_calls(env, exports, addon,
                          {{"counterChange", change_call},
                           {"counterChangeNamed", change_named_call},
                           {"counterGet", get_call},
                           {"counterRemove", remove_call},
                           {"counterList", list_call}});
}

}  // namespace orbit
