// The few calls whose symbols in a newer glibc are newer than the oldest one that Node 20 runs on (2.28). A binary that is
// built on a new system shall load on an old one too; test/install.test.ts looks at the symbols.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#ifdef __GLIBC__
#include <sys/sysmacros.h>
#endif

namespace orbit {

#ifdef __GLIBC__
// fstat and lstat are symbols of glibc 2.33, statx is one of 2.28.
inline bool stat_at(int folder, const char* path, int flags, struct stat* status) {
  struct statx found;
  if (statx(folder, path, flags, STATX_BASIC_STATS, &found) != 0) return false;
  *status = {};
  status->st_dev = makedev(found.stx_dev_major, found.stx_dev_minor);
  status->st_ino = found.stx_ino;
  status->st_mode = found.stx_mode;
  status->st_nlink = found.stx_nlink;
  status->st_uid = found.stx_uid;
  status->st_size = static_cast<off_t>(found.stx_size);
  status->st_blocks = static_cast<blkcnt_t>(found.stx_blocks);
  return true;
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
