#include "posix/bell.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <map>

#include "posix/libc.h"

namespace orbit {

#ifdef __linux__

ssize_t strike(int descriptor) {
  // The signal of a write goes to the writing thread: blocked, and taken out unless somebody else's was pending already.
  // On Linux sigprocmask is the thread's own, and pthread_sigmask a symbol of glibc 2.32 (see libc.h).
  sigset_t brokenPipe, before, pending;
  sigemptyset(&brokenPipe);
  sigaddset(&brokenPipe, SIGPIPE);
  sigprocmask(SIG_BLOCK, &brokenPipe, &before);
  sigpending(&pending);
  ssize_t written = write(descriptor, "!", 1);
  int error = errno;
  if (written < 0 && error == EPIPE && !sigismember(&pending, SIGPIPE)) {
    const timespec atOnce = {0, 0};
    sigtimedwait(&brokenPipe, nullptr, &atOnce);
  }
  sigprocmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return written;
}

namespace {

constexpr char kFolder[] = "/dev/shm/";
constexpr int kOpenFlags = O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW;

bool is_private_fifo(int descriptor) {
  struct stat status;
  return stat_descriptor(descriptor, &status) && S_ISFIFO(status.st_mode) && status.st_uid == geteuid() &&
         (status.st_mode & 077) == 0;
}

class SharedBells : public Bells {
 public:
  explicit SharedBells(const std::string& fleet) : prefix_(std::string(kFolder) + "orbit-" + fleet + "-") {}
  ~SharedBells() override {
    for (const auto& known : writers_) ::close(known.second.descriptor);
  }

  int open(uint32_t node) override {
    std::string path = path_of(node);
    // We hold the node: what stands here is a dead member's, or no bell at all.
    if (unlink(path.c_str()) != 0 && errno != ENOENT) return -1;
    if (mkfifo(path.c_str(), 0600) != 0) return -1;
    // For writing too: without a writer a FIFO reads as ended, and every publisher may come and go.
    int descriptor = ::open(path.c_str(), O_RDWR | kOpenFlags);
    if (descriptor < 0) {
      unlink(path.c_str());  // no descriptor is left: it would outlive us
      return -1;
    }
    if (fchmod(descriptor, 0600) == 0 && is_private_fifo(descriptor)) return descriptor;
    ::close(descriptor);
    return -1;
  }

  bool is_current(uint32_t node, int descriptor) override {
    struct stat named, ours;
    return is_private_fifo(descriptor) && stat_path(path_of(node).c_str(), &named) &&
           stat_descriptor(descriptor, &ours) && named.st_ino == ours.st_ino && named.st_dev == ours.st_dev;
  }

  void ring(uint32_t node, uint64_t incarnation) override {
    // A bell that its owner made anew leaves us with the old one, whose reader is gone (EPIPE): once more, then.
    for (int tries = 0; tries < 2; tries++) {
      int descriptor = writer(node, incarnation);
      if (descriptor < 0 || strike(descriptor) == 1 || errno == EAGAIN) return;
      forget(node);
    }
  }

  void remove(uint32_t node) override { unlink(path_of(node).c_str()); }

  void remove_all() override {
    DIR* folder = opendir(kFolder);
    if (folder == nullptr) return;
    while (const dirent* entry = readdir(folder)) {
      std::string path = std::string(kFolder) + entry->d_name;
      if (path.compare(0, prefix_.size(), prefix_) != 0) continue;
      uint32_t node = static_cast<uint32_t>(strtoul(path.c_str() + prefix_.size(), nullptr, 10));
      if (path == path_of(node)) remove(node);  // and not a bell of the fleet "ours-1"
    }
    closedir(folder);
  }

 private:
  std::string path_of(uint32_t node) const {
    return prefix_ + std::to_string(node) + "-" + std::to_string(geteuid()) + ".bell";
  }

  int writer(uint32_t node, uint64_t incarnation) {
    auto known = writers_.find(node);
    if (known != writers_.end() && known->second.incarnation == incarnation) return known->second.descriptor;
    forget(node);
    int descriptor = ::open(path_of(node).c_str(), O_WRONLY | kOpenFlags);  // ENXIO without a reader
    if (descriptor < 0) return -1;
    if (!is_private_fifo(descriptor)) {
      ::close(descriptor);
      return -1;
    }
    writers_[node] = {descriptor, incarnation};
    return descriptor;
  }

  void forget(uint32_t node) {
    auto known = writers_.find(node);
    if (known == writers_.end()) return;
    ::close(known->second.descriptor);
    writers_.erase(known);
  }

  struct Writer {
    int descriptor;
    uint64_t incarnation;
  };
  std::string prefix_;
  std::map<uint32_t, Writer> writers_;
};

}  // namespace

std::unique_ptr<Bells> shared_bells(const std::string& fleet) { return std::make_unique<SharedBells>(fleet); }

#else

ssize_t strike(int descriptor) { return write(descriptor, "!", 1); }

namespace {

// Without a place for FIFOs beside the objects nobody is rung, and waiters live by their timer.
class NoBells : public Bells {
 public:
  int open(uint32_t) override { return -1; }
  bool is_current(uint32_t, int) override { return false; }
  void ring(uint32_t, uint64_t) override {}
  void remove(uint32_t) override {}
  void remove_all() override {}
};

}  // namespace

std::unique_ptr<Bells> shared_bells(const std::string&) { return std::make_unique<NoBells>(); }

#endif

}  // namespace orbit
