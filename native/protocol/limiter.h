// Limiters: what the state of a key means, for three ways to limit a rate. Each decision is one change of limits.h.
//
// gcra     The theoretical arrival time, at which the bucket of the key is full again, in nanoseconds: expiryMs is it
//          rounded up to milliseconds, and low is what was added. Nothing is lost when the entry is over.
// fixed    A window that the first hit of the key begins: low counts, and expiryMs ends the window.
// sliding  Windows of the clock, each windowMs long. low counts in this window, high << shift in the last one, rounded
//          up; expiryMs ends the window after this one. Of the last window counts the share that a window which ends
//          now still covers.
//
// A count of kBlocked refuses the key until its expiry (fixed and sliding).
#pragma once

#include "protocol/limits.h"

namespace orbit {

enum class Algorithm : uint32_t { kGcra = 0, kFixed = 1, kSliding = 2 };

constexpr uint32_t kBlocked = kMaxLow;
constexpr uint32_t kMaxLimit = kMaxLow - 1;           // as many as a window counts
constexpr uint64_t kMaxWindowMs = uint64_t{1} << 35;  // 398 days
constexpr uint64_t kMaxAheadMs = uint64_t{1} << 37;   // how far in the future an expiry is set
constexpr uint64_t kNsPerMs = 1000000;
constexpr uint64_t kMaxAheadNs = kMaxAheadMs * kNsPerMs;

struct Limiter {
  Algorithm algorithm = Algorithm::kGcra;
  HashKey seed;
  uint64_t limit = 1;       // 1..kMaxLimit
  uint64_t windowMs = 1;    // 1..kMaxWindowMs
  uint64_t burst = 1;       // gcra: how many at once; the others: the limit
  uint64_t emissionNs = 1;  // gcra: the time for which one counts
  uint32_t shift = 0;       // sliding: of the last window's count
};

// What a decision found, or left.
struct Decision {
  uint64_t count = 0;      // how many the key has taken, as far as they still count
  uint64_t remaining = 0;  // how many it could take now
  uint64_t resetNs = 0;    // until all is as if it had taken none
  uint64_t retryNs = 0;    // until the same call would be allowed; 0: it was
};

// What becomes of a fixed window that is hit when its count is over the limit.
enum class Over : uint32_t { kKeep = 0, kRenew = 1, kDouble = 2 };

inline Limiter make_limiter(Algorithm algorithm, const HashKey& seed, uint64_t limit, uint64_t windowMs,
                            uint64_t burst) {
  Limiter limiter = {algorithm, seed, limit, windowMs, algorithm == Algorithm::kGcra ? burst : limit};
  limiter.emissionNs = (windowMs * kNsPerMs + limit - 1) / limit;
  while (limit >> limiter.shift >= kMaxHigh) limiter.shift++;
  return limiter;
}

inline uint32_t counted(uint64_t count) { return static_cast<uint32_t>(count < kMaxLimit ? count : kMaxLimit); }
inline uint64_t ahead_ns(uint64_t each, uint64_t times) {
  uint64_t all;
  return __builtin_mul_overflow(each, times, &all) || all > kMaxAheadNs ? kMaxAheadNs : all;
}

// ---- gcra ----------------------------------------------------------------------------------------------------------

// How far the arrival time is ahead of now. One that is further ahead than any is set comes from foreign bytes.
inline uint64_t backlog_ns(const EntryValue& value, uint64_t nowNs) {
  uint64_t arrivalNs = value.expiryMs * kNsPerMs - (value.expiryMs == 0 ? 0 : value.low);
  return arrivalNs > nowNs ? arrivalNs - nowNs : 0;
}
inline void set_backlog(EntryValue* value, uint64_t backlogNs, uint64_t nowNs) {
  uint64_t arrivalNs = nowNs + (backlogNs < kMaxAheadNs ? backlogNs : kMaxAheadNs);
  value->expiryMs = (arrivalNs + kNsPerMs - 1) / kNsPerMs;
  value->low = static_cast<uint32_t>(value->expiryMs * kNsPerMs - arrivalNs);
  value->high = 0;
}
inline void decide_gcra(const Limiter& limiter, uint64_t backlogNs, Decision* decision) {
  decision->count = (backlogNs + limiter.emissionNs - 1) / limiter.emissionNs;
  // What is left of the time for `burst`, in whole emissions.
  decision->remaining = decision->count >= limiter.burst ? 0 : limiter.burst - decision->count;
  decision->resetNs = backlogNs;
}
inline bool take_gcra(const Limiter& limiter, EntryValue* value, uint64_t cost, uint64_t nowNs, Decision* decision) {
  uint64_t backlog = backlog_ns(*value, nowNs), room = ahead_ns(limiter.emissionNs, limiter.burst);
  uint64_t next = backlog + ahead_ns(limiter.emissionNs, cost);
  bool fits = next <= room;
  decide_gcra(limiter, fits ? next : backlog, decision);
  decision->retryNs = fits ? 0 : next - room;
  if (fits) set_backlog(value, next, nowNs);
  return fits;
}

// ---- fixed ---------------------------------------------------------------------------------------------------------

inline void decide_fixed(const Limiter& limiter, const EntryValue& value, uint64_t nowMs, Decision* decision) {
  decision->count = value.low;
  decision->remaining = value.low >= limiter.limit ? 0 : limiter.limit - value.low;
  decision->resetNs = value.expiryMs > nowMs ? (value.expiryMs - nowMs) * kNsPerMs : 0;
}
inline bool take_fixed(const Limiter& limiter, EntryValue* value, uint64_t cost, uint64_t nowMs, Decision* decision) {
  if (value->expiryMs == 0) value->expiryMs = nowMs + limiter.windowMs;
  bool fits = value->low + cost <= limiter.limit;
  if (fits) value->low += static_cast<uint32_t>(cost);
  decide_fixed(limiter, *value, nowMs, decision);
  decision->retryNs = fits ? 0 : decision->resetNs;
  return fits;
}

// Counts without a limit, and says how many there are now.
inline void hit_fixed(const Limiter& limiter, EntryValue* value, uint64_t cost, Over over, uint64_t nowMs,
                      Decision* decision) {
  if (value->expiryMs == 0) value->expiryMs = nowMs + limiter.windowMs;
  if (value->low != kBlocked) value->low = counted(value->low + cost);
  if (value->low > limiter.limit && over != Over::kKeep) {
    uint64_t beyond = value->low - limiter.limit - 1, shift = over == Over::kRenew ? 0 : beyond < 37 ? beyond : 37;
    uint64_t window = ahead_ns(limiter.windowMs * kNsPerMs, uint64_t{1} << shift) / kNsPerMs;
    value->expiryMs = nowMs + window;
  }
  decide_fixed(limiter, *value, nowMs, decision);
}

// ---- sliding -------------------------------------------------------------------------------------------------------

// The counts of an entry as they are at a time.
struct Slide {
  uint64_t index, intoMs;  // the window, and how far the time is into it
  uint64_t last = 0, current = 0;
  uint64_t blockedMs = 0;  // for so long

  Slide(const Limiter& limiter, const EntryValue& value, uint64_t nowMs)
      : index(nowMs / limiter.windowMs), intoMs(nowMs % limiter.windowMs) {
    if (value.expiryMs == 0) return;
    if (value.low == kBlocked) {
      blockedMs = value.expiryMs > nowMs ? value.expiryMs - nowMs : 0;
      return;
    }
    uint64_t windows = value.expiryMs / limiter.windowMs, counts = windows < 2 ? 0 : windows - 2;
    // The time was taken before the window of the entry began: the decision is one of that window.
    if (counts > index) index = counts, intoMs = 0;
    if (counts == index) last = uint64_t{value.high} << limiter.shift, current = value.low;
    if (counts + 1 == index) last = value.low;
  }

  // What the last window adds to the count, rounded up.
  uint64_t weighed(const Limiter& limiter) const {
    return (last * (limiter.windowMs - intoMs) + limiter.windowMs - 1) / limiter.windowMs;
  }
  void write(const Limiter& limiter, EntryValue* value) const {
    uint64_t high = (last + (uint64_t{1} << limiter.shift) - 1) >> limiter.shift;
    *value = {(index + 2) * limiter.windowMs, counted(current),
              static_cast<uint32_t>(high < kMaxHigh ? high : kMaxHigh)};
  }
};

inline void decide_sliding(const Limiter& limiter, const Slide& slide, Decision* decision) {
  uint64_t used = slide.blockedMs > 0 ? kBlocked : slide.weighed(limiter) + slide.current;
  uint64_t windows = slide.current > 0 ? 2 : slide.last > 0 ? 1 : 0;
  uint64_t resetMs = windows == 0 ? slide.blockedMs : windows * limiter.windowMs - slide.intoMs;
  decision->count = used;
  decision->remaining = used >= limiter.limit ? 0 : limiter.limit - used;
  decision->resetNs = resetMs * kNsPerMs;
}

// How long until `cost` more fit.
inline uint64_t sliding_wait_ms(const Limiter& limiter, const Slide& slide, uint64_t cost) {
  if (slide.blockedMs > 0) return slide.blockedMs;
  // When a window of this count ends, its share has become `room` after so much of the next one.
  auto wait_for = [&](uint64_t count, uint64_t room) {
    return room >= count ? 0 : limiter.windowMs - room * limiter.windowMs / count;
  };
  uint64_t used = slide.current + cost;
  if (used <= limiter.limit) {
    uint64_t into = wait_for(slide.last, limiter.limit - used);
    return into > slide.intoMs ? into - slide.intoMs : 0;
  }
  uint64_t room = cost > limiter.limit ? 0 : limiter.limit - cost;
  return limiter.windowMs - slide.intoMs + wait_for(slide.current, room);
}

inline bool take_sliding(const Limiter& limiter, EntryValue* value, uint64_t cost, uint64_t nowMs, Decision* decision) {
  Slide slide(limiter, *value, nowMs);
  bool fits = slide.blockedMs == 0 && slide.weighed(limiter) + slide.current + cost <= limiter.limit;
  if (fits) slide.current += cost;
  decide_sliding(limiter, slide, decision);
  decision->retryNs = fits ? 0 : sliding_wait_ms(limiter, slide, cost) * kNsPerMs;
  if (fits) slide.write(limiter, value);
  return fits;
}

// ---- all three -----------------------------------------------------------------------------------------------------

// Whether `cost` more are allowed. If so, the value counts them.
inline bool take_from(const Limiter& limiter, EntryValue* value, uint64_t cost, uint64_t nowNs, Decision* decision) {
  if (limiter.algorithm == Algorithm::kGcra) return take_gcra(limiter, value, cost, nowNs, decision);
  auto take = limiter.algorithm == Algorithm::kFixed ? take_fixed : take_sliding;
  return take(limiter, value, cost, nowNs / kNsPerMs, decision);
}

inline void describe(const Limiter& limiter, const EntryValue& value, uint64_t nowNs, Decision* decision) {
  uint64_t nowMs = nowNs / kNsPerMs;
  if (limiter.algorithm == Algorithm::kGcra) return decide_gcra(limiter, backlog_ns(value, nowNs), decision);
  if (limiter.algorithm == Algorithm::kFixed) return decide_fixed(limiter, value, nowMs, decision);
  decide_sliding(limiter, Slide(limiter, value, nowMs), decision);
}

// Counts `amount` more, or -`amount` fewer, whether they are allowed or not. The count does not go below 0, and a key
// that has taken none is given nothing back. A fixed window that begins lasts `windowMs`. False: nothing is to be
// written.
inline bool adjust(const Limiter& limiter, EntryValue* value, int64_t amount, uint64_t windowMs, uint64_t nowNs) {
  bool isMore = amount > 0;
  uint64_t size = static_cast<uint64_t>(isMore ? amount : -amount), nowMs = nowNs / kNsPerMs;
  if (!isMore && value->expiryMs == 0) return false;
  auto moved = [&](uint64_t count) { return isMore ? count + size : count > size ? count - size : 0; };
  if (limiter.algorithm == Algorithm::kGcra) {
    uint64_t backlog = backlog_ns(*value, nowNs), ahead = ahead_ns(limiter.emissionNs, size);
    uint64_t next = isMore ? backlog + ahead : backlog > ahead ? backlog - ahead : 0;
    set_backlog(value, next, nowNs);
    return true;
  }
  if (value->low == kBlocked) return false;
  if (limiter.algorithm == Algorithm::kFixed) {
    if (value->expiryMs == 0) value->expiryMs = nowMs + windowMs;
    value->low = counted(moved(value->low));
    return true;
  }
  Slide slide(limiter, *value, nowMs);
  slide.current = counted(moved(slide.current));
  slide.write(limiter, value);
  return true;
}

// As if the key had taken `count` now. Of a fixed window, the rest lasts `ms` from now on.
inline void set_count(const Limiter& limiter, EntryValue* value, uint64_t count, uint64_t ms, uint64_t nowNs) {
  uint64_t nowMs = nowNs / kNsPerMs;
  if (limiter.algorithm == Algorithm::kGcra) return set_backlog(value, ahead_ns(limiter.emissionNs, count), nowNs);
  if (limiter.algorithm == Algorithm::kFixed) {
    *value = {nowMs + ms, counted(count), 0};
    return;
  }
  Slide slide(limiter, EntryValue(), nowMs);
  slide.current = counted(count);
  slide.write(limiter, value);
}

// Refuses the key for so long: the first call that is allowed again is one at now + ms.
inline void block_key(const Limiter& limiter, EntryValue* value, uint64_t ms, uint64_t nowNs) {
  if (limiter.algorithm == Algorithm::kGcra) {
    return set_backlog(value, ms * kNsPerMs + ahead_ns(limiter.emissionNs, limiter.burst - 1), nowNs);
  }
  // Rounded up: the millisecond has begun already.
  *value = {(nowNs + kNsPerMs - 1) / kNsPerMs + ms, kBlocked, 0};
}

}  // namespace orbit
