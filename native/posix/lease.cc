#include "posix/lease.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <chrono>

#include "posix/failure.h"

namespace orbit {

namespace {

struct flock lock_of(short type, int64_t first, int64_t count) {
  struct flock lock;
  memset(&lock, 0, sizeof lock);  // l_pid must be 0 for OFD locks
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = first;
  lock.l_len = count;
  return lock;
}

}  // namespace

bool try_lock_byte(int fd, int64_t byte, const std::string& object) {
  struct flock lock = lock_of(F_WRLCK, byte, 1);
  if (fcntl(fd, F_OFD_SETLK, &lock) == 0) return true;
  if (errno == EAGAIN || errno == EACCES) return false;
  throw system_failure("fcntl(F_OFD_SETLK)", errno, object);
}

void lock_byte(int fd, int64_t byte, const std::string& object) {
  auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(kLockWaitMs);
  while (!try_lock_byte(fd, byte, object)) {
    if (std::chrono::steady_clock::now() >= deadline) {
      throw Failure("ERR_ORBIT_BUSY",
                    object + ": another process has held the lock for joining, creating and removing for over " +
                        std::to_string(kLockWaitMs) + " ms: it may be stopped");
    }
    timespec pause = {0, 200000};
    nanosleep(&pause, nullptr);
  }
}

void unlock_byte(int fd, int64_t byte) {
  struct flock lock = lock_of(F_UNLCK, byte, 1);
  fcntl(fd, F_OFD_SETLK, &lock);  // cannot fail on a descriptor that took the lock
}

bool is_locked_elsewhere(int fd, int64_t first, int64_t count, const std::string& object) {
  struct flock lock = lock_of(F_WRLCK, first, count);
  if (fcntl(fd, F_OFD_GETLK, &lock) != 0) throw system_failure("fcntl(F_OFD_GETLK)", errno, object);
  return lock.l_type != F_UNLCK;
}

}  // namespace orbit
