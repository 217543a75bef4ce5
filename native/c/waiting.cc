// The calls of a member that waits for rings: its bell, and its sleep.
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "c/handles.h"
#include "posix/clock.h"
#include "protocol/wake.h"

namespace orbit {

namespace {

constexpr uint64_t kNsPerMs = 1'000'000;
constexpr uint64_t kLookNs = 1'000 * kNsPerMs;      // how often a waiter looks without a signal
constexpr uint64_t kWithoutBellNs = 10 * kNsPerMs;  // and where it can have no bell

// Makes the bell, if there is none that publishers can find.
int bell_of(orbit_fleet* handle) {
  if (handle->bell >= 0 && handle->fleet->has_bell(handle->bell)) return handle->bell;
  if (handle->bell >= 0) close(handle->bell);
  handle->bell = handle->fleet->open_bell();
  return handle->bell;
}

void clear(int bell) {
  char signals[256];
  while (read(bell, signals, sizeof signals) > 0) {
  }
}

// Waits for a signal. False: a handler ran for a signal of the process.
bool sleep_until(int bell, uint64_t deadlineNs, uint64_t nowNs) {
  uint64_t most = bell >= 0 ? kLookNs : kWithoutBellNs, left = deadlineNs - nowNs;
  uint64_t ms = ((left < most ? left : most) + kNsPerMs - 1) / kNsPerMs;
  pollfd waited = {bell, POLLIN, 0};
  return poll(&waited, bell >= 0 ? 1 : 0, static_cast<int>(ms)) >= 0 || errno != EINTR;
}

int wait_for_news(orbit_ring* handle, uint64_t position, uint32_t timeoutMs) {
  const Ring& ring = handle->opened->writer.ring;
  uint32_t node = handle->opened->writer.node;
  uint64_t deadlineNs = monotonic_ns() + timeoutMs * kNsPerMs;
  for (;;) {
    require_kept(*handle->opened);
    if (has_news(ring, position)) return ORBIT_OK;
    uint64_t nowNs = monotonic_ns();
    if (nowNs >= deadlineNs) return ORBIT_NOTHING;
    // Before the arm: a signal for this sleep must not be cleared.
    int bell = bell_of(handle->fleet);
    if (bell >= 0) clear(bell);
    if (fall_asleep(ring, node, position)) return ORBIT_OK;
    if (!sleep_until(bell, deadlineNs, nowNs)) return ORBIT_NOTHING;
  }
}

}  // namespace

}  // namespace orbit

int orbit_ring_wait(orbit_ring* ring, uint64_t position, uint32_t timeout_ms) {
  return orbit::guarded([&] {
    orbit::require_open(ring);
    int status = orbit::wait_for_news(ring, position, timeout_ms);
    orbit::disarm(ring->opened->writer.ring, ring->opened->writer.node);
    return status;
  });
}

int orbit_bell_open(orbit_fleet* fleet, int* descriptor) {
  return orbit::guarded([&] {
    orbit::require_open(fleet);
    orbit::require_pointer(descriptor, "descriptor");
    *descriptor = orbit::bell_of(fleet);
    if (*descriptor >= 0) return ORBIT_OK;
    if (fleet->fleet->is_gone()) {
      throw orbit::Failure("ERR_ORBIT_RETIRED", "the fleet was removed: close it and join again");
    }
    throw orbit::Failure("ERR_ORBIT_PERMISSION",
                         "the bell of node=" + std::to_string(fleet->fleet->node()) +
                             " cannot be made beside the objects of the fleet: poll the rings every few milliseconds");
  });
}

int orbit_bell_clear(orbit_fleet* fleet) {
  return orbit::guarded([&] {
    orbit::require_open(fleet);
    if (fleet->bell >= 0) orbit::clear(fleet->bell);
    return ORBIT_OK;
  });
}

int orbit_ring_sleep(orbit_ring* ring, uint64_t position) {
  return orbit::guarded([&] {
    orbit::require_open(ring);
    orbit::require_kept(*ring->opened);
    bool hasNews = orbit::fall_asleep(ring->opened->writer.ring, ring->opened->writer.node, position);
    return hasNews ? ORBIT_OK : ORBIT_NOTHING;
  });
}

int orbit_ring_awake(orbit_ring* ring) {
  return orbit::guarded([&] {
    orbit::require_open(ring);
    orbit::disarm(ring->opened->writer.ring, ring->opened->writer.node);
    return ORBIT_OK;
  });
}
