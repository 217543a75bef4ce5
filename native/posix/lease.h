// Leases: bytes of a file locked by open file description (F_OFD_SETLK), so that the kernel tells who lives.
//
// The kernel drops such a lock when its description is closed, at the end of the process for any reason included, after
// the process's memory is gone. It knows nothing of pids: several threads of one process, two copies of this code and
// other pid namespaces all count.
#pragma once

#include <stdint.h>

#include <string>

namespace orbit {

// Takes the byte, or returns false when another description holds it.
bool try_lock_byte(int fd, int64_t byte, const std::string& object);

// Takes the byte, waiting at most kLockWaitMs; throws ERR_ORBIT_BUSY after that.
void lock_byte(int fd, int64_t byte, const std::string& object);

void unlock_byte(int fd, int64_t byte);

// Is any of `count` bytes from `first` on held by another description?
bool is_locked_elsewhere(int fd, int64_t first, int64_t count, const std::string& object);

constexpr int kLockWaitMs = 5000;  // joining, creating and removing take well under a millisecond

}  // namespace orbit
