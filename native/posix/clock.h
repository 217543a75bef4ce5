// Three clocks. Processes measure waits with the monotonic clock. Expiry and heartbeats compare the same clock in
// milliseconds, which a test can advance (orbit-node/testing). The wall clock is for people.
#pragma once

#include <stdint.h>
#include <time.h>

namespace orbit {

inline uint64_t nanoseconds_of(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000000000 + static_cast<uint64_t>(now.tv_nsec);
}

// Equal in all processes of the host, and never stepped. It is process.hrtime() in JavaScript.
inline uint64_t monotonic_ns() { return nanoseconds_of(CLOCK_MONOTONIC); }

// How far a test has advanced the clock of this thread. Nothing else writes it: a thread without such a test has 0.
inline thread_local uint64_t advancedMs = 0;

// The clock of expiry and heartbeats.
inline uint64_t monotonic_ms() { return monotonic_ns() / 1000000 + advancedMs; }
// A few milliseconds old at most, never ahead, and nearly free.
inline uint64_t about_monotonic_ms() {
#ifdef CLOCK_MONOTONIC_COARSE
  return nanoseconds_of(CLOCK_MONOTONIC_COARSE) / 1000000 + advancedMs;
#else
  return monotonic_ms();
#endif
}
inline uint64_t unix_ms() { return nanoseconds_of(CLOCK_REALTIME) / 1000000; }
// A few milliseconds old at most, and nearly free.
inline uint64_t about_unix_ms() {
#ifdef CLOCK_REALTIME_COARSE
  return nanoseconds_of(CLOCK_REALTIME_COARSE) / 1000000;
#else
  return unix_ms();
#endif
}

}  // namespace orbit
