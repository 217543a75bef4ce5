// Fault points: named steps at which a test can kill or stop the process. Compiled only with ORBIT_FAULT_POINTS.
//
// ORBIT_FAULT=name kills the process at that step; ORBIT_FAULT_SIGNAL=19 stops it there instead.
#pragma once

#ifdef ORBIT_FAULT_POINTS
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#endif

namespace orbit {

#ifdef ORBIT_FAULT_POINTS
inline void fault_point(const char* name) {
  const char* wanted = getenv("ORBIT_FAULT");
  if (wanted == nullptr || strcmp(wanted, name) != 0) return;
  const char* number = getenv("ORBIT_FAULT_SIGNAL");
  kill(getpid(), number == nullptr ? SIGKILL : atoi(number));
}
#else
inline void fault_point(const char*) {}
#endif

}  // namespace orbit
