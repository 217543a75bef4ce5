// Calls whose symbols are newer than glibc 2.28, the oldest that Node 20 runs on. A binary that was built on a new
// system must load on an old one, too; test/release/install.test.ts checks the symbols.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif
#include <unistd.h>

namespace orbit {

// fstat and lstat are symbols of glibc 2.33. On these architectures glibc uses the struct of the kernel. statx is a
// symbol of 2.28, but the seccomp filters of old container runtimes forbid it.
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
