#include "posix/folder.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "posix/failure.h"
#include "posix/libc.h"

namespace orbit {

namespace {

constexpr char kVariable[] = "ORBIT_DIRECTORY";
constexpr char kSharedMemory[] = "/dev/shm";

std::string temporary_folder() {
#ifdef __APPLE__
  char folder[1024];
  size_t length = confstr(_CS_DARWIN_USER_TEMP_DIR, folder, sizeof folder);
  if (length > 0 && length <= sizeof folder) return folder;
#endif
  return "/tmp";
}

std::string without_end(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

std::string chosen_folder() {
  const char* wanted = getenv(kVariable);
  if (wanted != nullptr && wanted[0] != '\0') {
    if (wanted[0] == '/') return without_end(wanted);
    throw Failure("ERR_ORBIT_OUT_OF_RANGE", std::string(kVariable) + "=" + wanted +
                                                " must be an absolute path: processes in different folders would " +
                                                "not find each other");
  }
#ifdef __linux__
  struct stat status;
  if (stat_path(kSharedMemory, &status) || errno != ENOENT) return kSharedMemory;
#endif
  return without_end(temporary_folder()) + "/orbit-" + std::to_string(geteuid());
}

// In a sticky folder only the owner of a file, and that of the folder, can rename or remove it.
bool is_safe(const struct stat& status) {
  bool isTrusted = status.st_uid == geteuid() || status.st_uid == 0;
  return isTrusted && ((status.st_mode & 022) == 0 || (status.st_mode & S_ISVTX) != 0);
}

}  // namespace

const std::string& objects_folder() {
  // Never destroyed: fleets are left by hooks that can run after the destructors of static objects.
  static const std::string& folder = *new std::string(chosen_folder());
  return folder;
}

void require_folder() {
  const std::string& folder = objects_folder();
  if (folder == kSharedMemory) return;
  if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) throw system_failure("mkdir", errno, folder);
  struct stat status;
  if (!stat_path(folder.c_str(), &status)) throw system_failure("lstat", errno, folder);
  if (!S_ISDIR(status.st_mode)) throw system_failure("mkdir", ENOTDIR, folder);
  if (is_safe(status)) return;
  char mode[8];
  snprintf(mode, sizeof mode, "%04o", status.st_mode & 07777);
  throw Failure("ERR_ORBIT_PERMISSION",
                folder + ": uid=" + std::to_string(status.st_uid) + " mode=" + mode +
                    " lets other users replace files: it must belong to uid=" + std::to_string(geteuid()) +
                    " or to root, with mode 0700 or the sticky bit");
}

}  // namespace orbit
