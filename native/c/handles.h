// What the handles of orbit.h are, and how its calls end: no exception leaves them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "c/orbit.h"
#include "fleet/fleet.h"
#include "posix/failure.h"
#include "posix/forked.h"

struct orbit_ring {
  orbit_fleet* fleet = nullptr;
  orbit::OpenRing* opened = nullptr;
  int64_t exactBytes = -1;  // of payloads with a pod
};

struct orbit_counters {
  orbit_fleet* fleet = nullptr;
  orbit::OpenRing* opened = nullptr;
};

struct orbit_fleet {
  std::unique_ptr<orbit::Fleet> fleet;
  std::vector<std::unique_ptr<orbit_ring>> rings;
  std::vector<std::unique_ptr<orbit_counters>> counters;
  int bell = -1;
};

namespace orbit {

constexpr uint64_t kMostExact = (uint64_t{1} << 53) - 1;  // what a number of JavaScript holds exactly

// Keeps the error for orbit_message and orbit_errno, and returns the status of its code.
int keep_error(const char* code, const char* message, int errnoValue);
// Call it in a catch block: keeps the exception that is being handled.
int keep_exception();

[[noreturn]] inline void refuse_argument(const std::string& message) {
  throw Failure("ERR_ORBIT_INVALID_ARGUMENT", message);
}
[[noreturn]] inline void refuse_range(const std::string& message) { throw Failure("ERR_ORBIT_OUT_OF_RANGE", message); }

inline void require_pointer(const void* pointer, const char* name) {
  if (pointer == nullptr) refuse_argument(std::string(name) + "=NULL must be a pointer");
}
// Throws unless the caller's header has the struct as this library knows it.
inline void require_struct(size_t found, size_t wanted, const char* name) {
  if (found == wanted) return;
  refuse_argument(std::string(name) + ".struct_bytes=" + std::to_string(found) + " must be " + std::to_string(wanted) +
                  ", the sizeof of the struct: compile with the orbit.h of this library");
}
inline void require_range(const char* name, uint64_t value, uint64_t least, uint64_t most) {
  if (value >= least && value <= most) return;
  refuse_range(std::string(name) + "=" + std::to_string(value) + " must be in " + std::to_string(least) + ".." +
               std::to_string(most));
}
// Throws unless the text has 1 to `most` bytes.
std::string require_text(const char* name, const char* text, size_t most);
// Throws for what is no power of two.
void require_power(const char* name, uint32_t value);
// Throws ERR_ORBIT_CLOSED in a child of fork: its memory is a copy, and the node belongs to the parent.
void require_own();
inline void require_open(const orbit_fleet* handle) {
  require_pointer(handle, "fleet");
  require_own();
}
inline void require_open(const orbit_ring* handle) {
  require_pointer(handle, "ring");
  require_own();
}
inline void require_open(const orbit_counters* handle) {
  require_pointer(handle, "counters");
  require_own();
}
// Throws ERR_ORBIT_RETIRED: what was removed never changes again.
void require_kept(const OpenRing& opened);
// Throws the error of a status other than kOk. Those of tables and counters have the same numbers.
[[noreturn]] void refuse_status(RingStatus status, const OpenRing& opened);

// Runs the body of a call. It returns ORBIT_OK or ORBIT_NOTHING, and throws errors.
template <typename Body>
int guarded(Body body) noexcept {
  try {
    return body();
  } catch (...) {
    return keep_exception();
  }
}

// Wakes the sleepers of a ring: after the swap, never before (wake.h). One load when none sleeps.
inline void wake(OpenRing* opened) {
  if (has_sleepers(opened->writer.ring)) opened->fleet->wake(opened->writer.ring);
}

}  // namespace orbit
