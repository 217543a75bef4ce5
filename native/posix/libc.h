// The few calls whose symbols in a newer glibc are newer than the oldest one that Node 20 runs on (2.28). A binary that is
// built on a new system shall load on an old one too; test/release/install.test.ts looks at the symbols.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace orbit {

// fstat and lstat are symbols of glibc 2.33. The kernel's struct is glibc's own on these; and statx, a symbol of 2.28, is
// what seccomp filters of old container runtimes forbid.
#if defined(__GLIBC__) && (defined(__x86_64__) || defined(__aarch64__)) && defined(__LP64__)
inline bool stat_at(int folder, const char* path, int flags, struct stat* status) {
  return syscall(SYS_newfstatat, folder, path, status, flags) == 0;
}
inline bool stat_descriptor(int descriptor, struct stat* status) {
  return stat_at(descriptor, "", AT_EMPTY_PATH, status);
}
inline bool stat_path(const char* path, struct stat* status) {
  return stat_at(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, status);
}
#else
inline bool stat_descriptor(int descriptor, struct stat* status) { return fstat(descriptor, status) == 0; }
inline bool stat_path(const char* path, struct stat* status) { return lstat(path, status) == 0; }
#endif

}  // namespace orbit
