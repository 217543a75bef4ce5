#include "posix/bell.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <map>

#include "posix/failure.h"
#include "posix/libc.h"

namespace orbit {

#ifdef __linux__

// On Linux sigprocmask is that of the thread; pthread_sigmask is a symbol of glibc 2.32 (see libc.h).
void BellWriter::begin() {
  sigset_t brokenPipe, pending;
  sigemptyset(&brokenPipe);
  sigaddset(&brokenPipe, SIGPIPE);
  sigprocmask(SIG_BLOCK, &brokenPipe, &before_);
  // A signal that was not blocked cannot be pending.
  wasPending_ = sigismember(&before_, SIGPIPE) && sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE);
  hasBegun_ = true;
}

BellWriter::~BellWriter() {
  if (!hasBegun_) return;
  if (isBroken_ && !wasPending_) {
    sigset_t brokenPipe;
    sigemptyset(&brokenPipe);
    sigaddset(&brokenPipe, SIGPIPE);
    const timespec atOnce = {0, 0};
    sigtimedwait(&brokenPipe, nullptr, &atOnce);  // SIGPIPE goes to the writing thread
  }
  sigprocmask(SIG_SETMASK, &before_, nullptr);
}

#else

// macOS has no sigtimedwait, and can tell a descriptor instead to raise no signal.
void BellWriter::begin() { hasBegun_ = true; }
BellWriter::~BellWriter() = default;

#endif

ssize_t BellWriter::write(int descriptor) {
  if (!hasBegun_) begin();
#ifdef F_SETNOSIGPIPE
  fcntl(descriptor, F_SETNOSIGPIPE, 1);
#endif
  ssize_t written = ::write(descriptor, "!", 1);
  if (written < 0 && errno == EPIPE) isBroken_ = true;
  return written;
}

namespace {

constexpr int kOpenFlags = O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW;

bool is_private_fifo(int descriptor, uint32_t uid) {
  struct stat status;
  return stat_descriptor(descriptor, &status) && S_ISFIFO(status.st_mode) && status.st_uid == uid &&
         (status.st_mode & 077) == 0;
}

class SharedBells : public Bells {
 public:
  explicit SharedBells(const FleetName& fleet) : fleet_(fleet) {}
  ~SharedBells() override {
    for (const auto& known : writers_) ::close(known.second.descriptor);
  }

  int open(uint32_t node) override {
    if (geteuid() != fleet_.uid) return -1;  // the bell would belong to another user than the fleet
    std::string path = path_of(node);
    // We hold the node, so this name leads to the bell of a dead member, or to no bell at all.
    if (unlink(path.c_str()) != 0 && errno != ENOENT) return -1;
    if (mkfifo(path.c_str(), 0600) != 0) return -1;
    // Open for writing too: a FIFO without a writer reads as ended, and publishers come and go.
    int descriptor = ::open(path.c_str(), O_RDWR | kOpenFlags);
    if (descriptor < 0) {
      unlink(path.c_str());  // no descriptor is left; the file would outlive us
      return -1;
    }
    if (fchmod(descriptor, 0600) == 0 && is_private_fifo(descriptor, fleet_.uid)) return descriptor;
    ::close(descriptor);
    return -1;
  }

  bool is_current(uint32_t node, int descriptor) override {
    struct stat named, ours;
    return is_private_fifo(descriptor, fleet_.uid) && stat_path(path_of(node).c_str(), &named) &&
           stat_descriptor(descriptor, &ours) && named.st_ino == ours.st_ino && named.st_dev == ours.st_dev;
  }

  bool signal(BellWriter& writer, uint32_t node, uint64_t incarnation) override {
    // When the owner has made its bell anew, ours is the old one and has no reader (EPIPE). Then open the new one.
    for (int tries = 0; tries < 2; tries++) {
      int descriptor = descriptor_of(node, incarnation);
      if (descriptor < 0) return false;
      if (writer.write(descriptor) == 1 || errno == EAGAIN) return true;
      forget(node);
    }
    return false;
  }

  void remove(uint32_t node) override { unlink(path_of(node).c_str()); }

  void remove_all() override {
    try {
      for (const ListedObject& object : list_objects()) {
        const ObjectName& name = object.name;
        if (name.form == ObjectForm::kBell && name.fleet == fleet_.text && name.uid == fleet_.uid) remove(name.number);
      }
    } catch (const Failure&) {
      // The folder cannot be listed: the bells stay, and the next owner of each node replaces its bell.
    }
  }

 private:
  std::string path_of(uint32_t node) const { return orbit::path_of(bell_object(fleet_, node)); }

  int descriptor_of(uint32_t node, uint64_t incarnation) {
    auto known = writers_.find(node);
    if (known != writers_.end() && known->second.incarnation == incarnation) return known->second.descriptor;
    forget(node);
    int descriptor = ::open(path_of(node).c_str(), O_WRONLY | kOpenFlags);  // ENXIO without a reader
    if (descriptor < 0) return -1;
    if (!is_private_fifo(descriptor, fleet_.uid)) {
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
  FleetName fleet_;
  std::map<uint32_t, Writer> writers_;
};

}  // namespace

std::unique_ptr<Bells> shared_bells(const FleetName& fleet) { return std::make_unique<SharedBells>(fleet); }

}  // namespace orbit
