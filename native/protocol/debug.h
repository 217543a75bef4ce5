// Checks of private state: what one process alone computes must hold, regardless of what its peers write.
//
// Compiled in only with ORBIT_CHECKS, as the native tests and the addons of the test suite are. A failed check ends the
// process. Shared bytes are never checked so: they are input, and a contradiction in them is a status.
#pragma once

#ifdef ORBIT_CHECKS
#include <stdio.h>
#include <stdlib.h>
#endif

namespace orbit {

#ifdef ORBIT_CHECKS
[[noreturn]] __attribute__((noinline, cold)) inline void check_failed(const char* file, int line, const char* text) {
  fprintf(stderr, "%s:%d: failed: ORBIT_CHECK(%s)\n", file, line, text);
  abort();
}
#define ORBIT_CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::orbit::check_failed(__FILE__, __LINE__, #condition))
#else
#define ORBIT_CHECK(condition) static_cast<void>(0)
#endif

}  // namespace orbit
