#include "posix/boot.h"

#include <fcntl.h>
#include <unistd.h>
#ifdef __APPLE__
#include <sys/sysctl.h>
#endif

namespace orbit {

namespace {

// The first 16 hexadecimal digits of a UUID; its dashes do not count.
uint64_t word_of(const char* uuid, size_t length) {
  uint64_t word = 0;
  int digits = 0;
  for (size_t at = 0; at < length && digits < 16; at++) {
    char digit = uuid[at];
    int value = digit >= '0' && digit <= '9'                 ? digit - '0'
                : (digit | 32) >= 'a' && (digit | 32) <= 'f' ? (digit | 32) - 'a' + 10
                                                             : -1;
    if (value < 0) continue;
    word = word << 4 | static_cast<uint64_t>(value);
    digits++;
  }
  return digits == 16 ? word : 0;
}

uint64_t read_boot_id() {
  char uuid[64];
#ifdef __APPLE__
  size_t length = sizeof uuid;
  if (sysctlbyname("kern.bootsessionuuid", uuid, &length, nullptr, 0) != 0) return 0;
  return word_of(uuid, length);
#else
  int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  ssize_t length = read(fd, uuid, sizeof uuid);
  close(fd);
  return length > 0 ? word_of(uuid, static_cast<size_t>(length)) : 0;
#endif
}

}  // namespace

uint64_t boot_id() {
  static const uint64_t id = read_boot_id();
  return id;
}

}  // namespace orbit
