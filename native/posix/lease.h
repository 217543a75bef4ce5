// Leases: bytes of a file that are locked by open file description (F_OFD_SETLK). So the kernel knows which members
// live.
//
// The kernel drops such a lock when its description is closed. That includes every end of a process, after its memory
// is gone. Pids do not matter: it works between threads of one process, two copies of this code, and pid namespaces.
#pragma once

#include <stdint.h>

#include <string>
#include <vector>

namespace orbit {

// Throws ERR_ORBIT_SYSTEM on a system without such locks, before anything is created in `folder`.
void require_leases(const std::string& folder);

// Takes the byte. False: another description holds it.
bool try_lock_byte(int fd, int64_t byte, const std::string& object);

constexpr int kLockWaitMs = 1000;  // joining, creating and removing take well under a millisecond

// Takes the byte, waiting at most `waitMs`; throws ERR_ORBIT_BUSY after that. 0: tries once.
void lock_byte(int fd, int64_t byte, const std::string& object, int waitMs = kLockWaitMs);

void unlock_byte(int fd, int64_t byte);

// Whether another description holds any of `count` bytes from `first` on.
bool is_locked_elsewhere(int fd, int64_t first, int64_t count, const std::string& object);

// Which of `count` bytes from `first` on /proc/locks lists as held, all in one look; asking for them one by one costs
// a walk through all locks of the file each. A byte that is listed was held a moment ago, by any description. One that
// is not may be held: locks that come and go shift the list while it is read, and some systems have none.
std::vector<bool> listed_locks(int fd, int64_t first, uint32_t count);

}  // namespace orbit
