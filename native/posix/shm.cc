#include "posix/shm.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "posix/failure.h"
#include "posix/fault.h"
#include "posix/folder.h"
#include "posix/lease.h"
#include "posix/libc.h"
#include "posix/name.h"
#include "protocol/layout.h"

namespace orbit {

namespace {

// An object is a file of the objects folder; opening it there needs no librt, and bells can be beside it.
int open_name(const std::string& object, int flags) { return open(path_of(object).c_str(), flags, 0600); }
int unlink_name(const std::string& object) { return unlink(path_of(object).c_str()); }
bool stat_name(const std::string& object, struct stat* status) { return stat_path(path_of(object).c_str(), status); }

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) : fd_(other.release()) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }
  int release() {
    int fd = fd_;
    fd_ = -1;
    return fd;
  }

 private:
  int fd_;
};

class SharedMapping : public Mapping {
 public:
  SharedMapping(Descriptor&& fd, void* address, size_t bytes, std::string object)
      : fd(std::move(fd)), object(std::move(object)) {
    base = address;
    length = bytes;
  }
  ~SharedMapping() override { munmap(base, length); }
#ifdef __linux__
  bool allocate(uint64_t offset, uint64_t bytes) override {
    for (;;) {
      if (fallocate(fd.get(), 0, static_cast<off_t>(offset), static_cast<off_t>(bytes)) == 0) return true;
      if (errno == EOPNOTSUPP) return true;  // where this call is missing, reserve() has allocated all
      if (errno != EINTR) return false;
    }
  }
#endif
  Descriptor fd;
  std::string object;
};

SharedMapping& shared(Mapping& mapping) { return static_cast<SharedMapping&>(mapping); }

// Reads only a regular file that belongs to this user alone. Anything else is left as it is.
struct stat check_file(int fd, const std::string& object) {
  struct stat status;
  if (!stat_descriptor(fd, &status)) throw system_failure("fstat", errno, object);
  if (!S_ISREG(status.st_mode)) throw Failure("ERR_ORBIT_CORRUPT", object + ": not a regular file");
  if (status.st_uid != owner_of(object)) {
    throw Failure("ERR_ORBIT_PERMISSION", object + ": owner uid=" + std::to_string(status.st_uid) +
                                              " must be that of its name, uid=" + std::to_string(owner_of(object)));
  }
  if ((status.st_mode & 077) != 0) {
    char mode[8];
    snprintf(mode, sizeof mode, "%04o", status.st_mode & 07777);
    throw Failure("ERR_ORBIT_PERMISSION", object + ": mode=" + mode + " gives others access, it must be 0600");
  }
  return status;
}

// Objects belong to the user that the process had when it joined. After a change it can open and create no more of
// them.
[[noreturn]] void refuse_user(int error, const std::string& object) {
  throw system_failure("open", error,
                       object + ": belongs to uid=" + std::to_string(owner_of(object)) +
                           ", and this process is uid=" + std::to_string(geteuid()) +
                           " now: open every ring before the process changes its user, " + "or join after that");
}

// 0: this object was not finished.
uint64_t magic_of(int fd, const std::string& object) {
  uint64_t magic = 0;
  if (pread(fd, &magic, sizeof magic, 0) < 0) throw system_failure("pread", errno, object);
  return magic;
}

// Another program wrote the file: no creator of an object leaves so few bytes.
void refuse_short(const struct stat& status, const std::string& object) {
  if (status.st_size > 0 && static_cast<size_t>(status.st_size) < sizeof(ObjectHeader)) {
    throw Failure("ERR_ORBIT_CORRUPT",
                  object + ": bytes=" + std::to_string(status.st_size) + " is too short for a header");
  }
}

// What is wrong with the objects folder, if that is why an object could not be opened; else "".
std::string folder_problem(int error, const std::string& object) {
  struct stat status;
  std::string folder = objects_folder();
  if (error == ENOENT) return folder + " does not exist";
  if (error == ENOTDIR) return folder + " is not a directory";
  if (error == EROFS) return folder + " is mounted read-only";
  bool isRefused = error == EACCES && !stat_name(object, &status);
  return isRefused ? folder + " cannot be written to by uid=" + std::to_string(geteuid()) : "";
}

[[noreturn]] void refuse_open(int error, const std::string& object) {
  if (error == EISDIR || error == ENXIO) throw Failure("ERR_ORBIT_CORRUPT", object + ": not a regular file");
  if ((error == EACCES || error == EPERM) && owner_of(object) != geteuid()) refuse_user(error, object);
  std::string problem = folder_problem(error, object);
  if (problem.empty()) throw system_failure("open", error, object);
  throw system_failure("open", error,
                       object + ": " + problem + ", so there is no shared memory: mount a tmpfs there, or use " +
                           "Fleet.join for a fleet within one process");
}

// Takes the descriptor only if it succeeds: a creator must hold its lock until it has unlinked.
std::unique_ptr<Mapping> map(Descriptor&& fd, size_t bytes, Access access, const std::string& object) {
  int protection = access == Access::kReadOnly ? PROT_READ : PROT_READ | PROT_WRITE;
  void* base = mmap(nullptr, bytes, protection, MAP_SHARED, fd.get(), 0);
  if (base == MAP_FAILED) throw system_failure("mmap", errno, object);
  return std::make_unique<SharedMapping>(std::move(fd), base, bytes, object);
}

// What to do when an object does not fit into the objects folder.
std::string space_advice(int fd, int error) {
  struct statvfs space;
  if (error != ENOSPC || fstatvfs(fd, &space) != 0) return "";
  uint64_t block = space.f_frsize;
  return " do not fit: " + objects_folder() + " has " + std::to_string(space.f_bavail * block) + " bytes free of " +
         std::to_string(space.f_blocks * block) +
         ": use a smaller capacity or payload, or enlarge it (in a container: " + "--shm-size)";
}

#ifdef __linux__
// Makes the file as long as the object, with memory for its beginning alone. False: the file system cannot, and then
// nothing but the length may have changed. posix_fallocate would write to the file instead.
bool reserve_beginning(int fd, uint64_t bytes, uint64_t sparseFrom) {
  if (sparseFrom == 0 || ftruncate(fd, static_cast<off_t>(bytes)) != 0) return false;
  for (;;) {
    if (fallocate(fd, 0, 0, static_cast<off_t>(sparseFrom)) == 0) return true;
    if (errno != EINTR) return false;
  }
}
#endif

void reserve(int fd, const struct stat& status, const Creation& creation, const std::string& object) {
  uint64_t bytes = creation.bytes;
  if (fchmod(fd, 0600) != 0) throw system_failure("fchmod", errno, object);  // the umask may have removed bits
  if (static_cast<uint64_t>(status.st_size) > bytes && ftruncate(fd, static_cast<off_t>(bytes)) != 0) {
    throw system_failure("ftruncate", errno, object);
  }
  int error = 0;
#ifdef __linux__
  if (reserve_beginning(fd, bytes, creation.sparseFrom)) return;
  // Allocate all memory now: a full file system must not become a SIGBUS later. Allocate in steps, because a signal
  // undoes the current step and a profiler sends one every millisecond. Check first whether all steps can fit.
  struct statvfs space;
  if (fstatvfs(fd, &space) != 0) error = errno;
  uint64_t allocated = static_cast<uint64_t>(status.st_blocks) * 512;
  if (error == 0 && bytes > allocated && (bytes - allocated) / space.f_frsize >= space.f_bavail) error = ENOSPC;
  constexpr uint64_t kStepBytes = 4 << 20;
  for (uint64_t done = 0; done < bytes && error == 0;) {
    uint64_t step = bytes - done < kStepBytes ? bytes - done : kStepBytes;
    error = posix_fallocate(fd, static_cast<off_t>(done), static_cast<off_t>(step));
    if (error == 0) done += step;
    if (error == EINTR) error = 0;
  }
#else
  fstore_t blocks = {F_ALLOCATEALL, F_PEOFPOSMODE, 0, static_cast<off_t>(bytes), 0};
  if (status.st_size == 0 && fcntl(fd, F_PREALLOCATE, &blocks) != 0) error = errno;
  if (error == 0 && ftruncate(fd, static_cast<off_t>(bytes)) != 0) error = errno;
#endif
  if (error != 0) {
    unlink_name(object);
    throw system_failure("posix_fallocate", error,
                         object + ": bytes=" + std::to_string(bytes) + space_advice(fd, error));
  }
}

// All parts, back to back. False, with errno: a system call failed, or the file has ended.
template <typename Call>
bool transfer(int fd, const std::vector<Bytes>& parts, Call call) {
  for (const Bytes& part : parts) {
    for (size_t at = 0; at < part.length;) {
      ssize_t done = call(fd, static_cast<uint8_t*>(part.data) + at, part.length - at);
      if (done <= 0 && !(done < 0 && errno == EINTR)) return false;
      if (done > 0) at += static_cast<size_t>(done);
    }
  }
  return true;
}

class SharedStore : public Store {
 public:
  std::unique_ptr<Mapping> open(const std::string& object, Access access, const Creation* creation) override {
    if (creation != nullptr) {
      if (owner_of(object) != geteuid()) refuse_user(EACCES, object);
      require_folder();
      require_leases(objects_folder());
    }
    for (;;) {
      int flags = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;  // never follow a link, never wait for the writer of a FIFO
      flags |= access == Access::kReadOnly ? O_RDONLY : O_RDWR;
      if (creation != nullptr) flags |= O_CREAT;
      Descriptor fd(open_name(object, flags));
      if (fd.get() < 0) {
        if (errno == ENOENT && creation == nullptr) return nullptr;
        refuse_open(errno, object);
      }
      fault_point("create:opened");
      struct stat status = check_file(fd.get(), object);
      if (status.st_size > 0 && magic_of(fd.get(), object) != 0) {
        return map(std::move(fd), static_cast<size_t>(status.st_size), access, object);
      }
      refuse_short(status, object);
      if (creation == nullptr) return nullptr;

      // Unfinished. Its creator holds the lock and is at work, or has died. The process that gets the lock creates it.
      lock_byte(fd.get(), kCreationLockByte, object, creation->waitMs);
      fault_point("create:locked");
      status = check_file(fd.get(), object);
      if (status.st_nlink == 0) continue;  // created and removed while this process waited
      if (status.st_size > 0 && magic_of(fd.get(), object) != 0) continue;
      refuse_short(status, object);
      reserve(fd.get(), status, *creation, object);
      fault_point("create:reserved");
      int descriptor = fd.get();
      std::unique_ptr<Mapping> mapping;
      try {
        mapping = map(std::move(fd), creation->bytes, access, object);
      } catch (const Failure&) {
        unlink_name(object);  // it does not fit into the address space, and must not stay allocated and unfinished
        throw;
      }
      creation->format(mapping->base);
      fault_point("create:formatted");
      unlock_byte(descriptor, kCreationLockByte);
      return mapping;
    }
  }

  bool remove(const std::string& object) override {
    if (unlink_name(object) == 0) return true;
    if (errno == ENOENT) return false;
    throw system_failure("unlink", errno, object);
  }

  bool write_blob(const std::string& blob, const std::vector<Bytes>& parts) override {
    Descriptor fd(open_name(blob, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW));
    if (fd.get() < 0) {
      if (errno == EEXIST) return false;
      throw system_failure("open", errno, blob);
    }
    if (transfer(fd.get(), parts, ::write)) return true;
    Failure failure = system_failure("write", errno, blob);
    unlink_name(blob);
    throw failure;
  }

  bool read_blob(const std::string& blob, const std::vector<Bytes>& parts) override {
    Descriptor fd(open_name(blob, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (fd.get() < 0) {
      if (errno == ENOENT) return false;
      throw system_failure("open", errno, blob);
    }
    struct stat status = check_file(fd.get(), blob);
    uint64_t length = 0;
    for (const Bytes& part : parts) length += part.length;
    return static_cast<uint64_t>(status.st_size) == length && transfer(fd.get(), parts, ::read);
  }

  void remove_blobs(const FleetName& fleet, int64_t node) override {
    try {
      for (const auto& [file, name] : list_objects()) {
        bool isOf = name.form == ObjectForm::kBlob && name.fleet == fleet.text && name.uid == fleet.uid;
        if (isOf && (node < 0 || name.number == node)) unlink_name("/" + file);
      }
    } catch (const Failure&) {
      // The folder cannot be listed.
    }
  }

  void lock_membership(Mapping& fleet, int waitMs) override {
    lock_byte(shared(fleet).fd.get(), kCreationLockByte, shared(fleet).object, waitMs);
  }
  void unlock_membership(Mapping& fleet) override { unlock_byte(shared(fleet).fd.get(), kCreationLockByte); }

  bool is_current(Mapping& fleet) override {
    struct stat ours, named;
    return stat_descriptor(shared(fleet).fd.get(), &ours) && stat_name(shared(fleet).object, &named) &&
           named.st_ino == ours.st_ino && named.st_dev == ours.st_dev;
  }

  std::unique_ptr<Bells> bells(const FleetName& fleet) override { return shared_bells(fleet); }

  bool try_lease(Mapping& fleet, uint32_t node) override {
    return try_lock_byte(shared(fleet).fd.get(), kNodeLockByte + node, shared(fleet).object);
  }
  void drop_lease(Mapping& fleet, uint32_t node) override { unlock_byte(shared(fleet).fd.get(), kNodeLockByte + node); }
  bool leased_elsewhere(Mapping& fleet, uint32_t first, uint32_t count) override {
    return is_locked_elsewhere(shared(fleet).fd.get(), kNodeLockByte + first, count, shared(fleet).object);
  }
  std::vector<bool> listed_leases(Mapping& fleet, uint32_t count) override {
    return listed_locks(shared(fleet).fd.get(), kNodeLockByte, count);
  }
};

}  // namespace

std::shared_ptr<Store> shared_store() {
  static std::shared_ptr<Store> store = std::make_shared<SharedStore>();
  return store;
}

}  // namespace orbit
