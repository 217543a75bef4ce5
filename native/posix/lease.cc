#include "posix/lease.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#ifdef __linux__
#include <sys/sysmacros.h>
#endif
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <chrono>

#include "posix/failure.h"
#include "posix/libc.h"

// macOS has had these locks since 10.11, and headers that name them since 14. It refuses them on shm_open's objects.
#if defined(__APPLE__) && !defined(F_OFD_SETLK)
#define F_OFD_SETLK 90
#define F_OFD_GETLK 92
#endif

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

Failure lock_failure(const char* syscall, int error, const std::string& object) {
  if (error != EINVAL && error != ENOSYS) return system_failure(syscall, error, object);
  return system_failure(syscall, error,
                        object + ": this system has no open file description locks, by which the members of a fleet " +
                            "know each other; proot and old releases of gVisor lack them: use Fleet.join for a " +
                            "fleet within one process");
}

}  // namespace

#ifdef __linux__
namespace {

// As much of a file as is there, and at most a few MB.
std::string read_text(const char* path) {
  constexpr size_t kStep = 64 << 10, kMost = 4 << 20;
  std::string text;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return text;
  for (ssize_t count = 1; count > 0 && text.size() < kMost;) {
    size_t used = text.size();
    text.resize(used + kStep);
    count = read(fd, &text[used], kStep);
    text.resize(used + (count > 0 ? static_cast<size_t>(count) : 0));
  }
  close(fd);
  return text;
}

// The decimal number at `*text`, which moves behind it and the space that follows. (strtoll would be a newer symbol.)
int64_t number_in(const char** text) {
  int64_t number = 0;
  for (; **text >= '0' && **text <= '9' && number < INT64_MAX / 16; ++*text) number = number * 10 + (**text - '0');
  if (**text == ' ') ++*text;
  return number;
}

}  // namespace
#endif

void require_leases(const std::string& folder) {
  static std::atomic<bool> isKnown{false};
  if (isKnown) return;
  int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;  // the creation fails next, and says why
  struct flock lock = lock_of(F_UNLCK, 0, 1);
  int error = fcntl(fd, F_OFD_SETLK, &lock) == 0 ? 0 : errno;
  close(fd);
  if (error != 0) throw lock_failure("fcntl(F_OFD_SETLK)", error, folder);
  isKnown = true;
}

bool try_lock_byte(int fd, int64_t byte, const std::string& object) {
  struct flock lock = lock_of(F_WRLCK, byte, 1);
  if (fcntl(fd, F_OFD_SETLK, &lock) == 0) return true;
  if (errno == EAGAIN || errno == EACCES) return false;
  throw lock_failure("fcntl(F_OFD_SETLK)", errno, object);
}

void lock_byte(int fd, int64_t byte, const std::string& object, int waitMs) {
  auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(waitMs);
  while (!try_lock_byte(fd, byte, object)) {
    if (std::chrono::steady_clock::now() >= deadline) {
      throw Failure("ERR_ORBIT_BUSY",
                    object + ": another process holds the lock for joining, creating and removing: resume or end it " +
                        "if it is stopped (T in the STAT column of ps), or wait longer (joinTimeoutMs)");
    }
    timespec pause = {0, 200000};
    nanosleep(&pause, nullptr);
  }
}

void unlock_byte(int fd, int64_t byte) {
  struct flock lock = lock_of(F_UNLCK, byte, 1);
  fcntl(fd, F_OFD_SETLK, &lock);  // cannot fail on a descriptor that took the lock
}

std::vector<bool> listed_locks([[maybe_unused]] int fd, [[maybe_unused]] int64_t first, uint32_t count) {
  std::vector<bool> listed(count);
#ifdef __linux__
  struct stat status;
  if (!stat_descriptor(fd, &status)) return listed;
  std::string list = read_text("/proc/locks");
  char file[64];
  snprintf(file, sizeof file, " %02x:%02x:%llu ", major(status.st_dev), minor(status.st_dev),
           static_cast<unsigned long long>(status.st_ino));
  for (size_t at = list.find(file); at != std::string::npos; at = list.find(file, at + 1)) {
    const char* text = list.c_str() + at + strlen(file);
    int64_t from = number_in(&text), to = number_in(&text);  // "EOF" reads as 0: no lock of ours is that long
    for (int64_t byte = from; byte <= to && byte - first < count; byte++) {
      if (byte >= first) listed[static_cast<size_t>(byte - first)] = true;
    }
  }
#endif
  return listed;
}

bool is_locked_elsewhere(int fd, int64_t first, int64_t count, const std::string& object) {
  struct flock lock = lock_of(F_WRLCK, first, count);
  if (fcntl(fd, F_OFD_GETLK, &lock) != 0) throw lock_failure("fcntl(F_OFD_GETLK)", errno, object);
  return lock.l_type != F_UNLCK;
}

}  // namespace orbit
