// Two clocks: the monotonic one decides, the wall clock is for people.
#pragma once

#include <stdint.h>
#include <time.h>

namespace orbit {

inline uint64_t milliseconds_of(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000 + static_cast<uint64_t>(now.tv_nsec) / 1000000;
}

// The same for all processes of the host, never stepped; process.hrtime() in JavaScript.
inline uint64_t monotonic_ms() { return milliseconds_of(CLOCK_MONOTONIC); }
inline uint64_t unix_ms() { return milliseconds_of(CLOCK_REALTIME); }

}  // namespace orbit
