#include "posix/local.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <map>
#include <mutex>
#include <vector>

#include "posix/failure.h"
#include "protocol/layout.h"

namespace orbit {

namespace {

struct Block {
  Block(size_t bytes, const std::string& object) : length(bytes) {
    base = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) throw system_failure("mmap", errno, object);
  }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  ~Block() { munmap(base, length); }
  void* base;
  size_t length;
};

class LocalMapping : public Mapping {
 public:
  explicit LocalMapping(std::shared_ptr<Block> shared) : block(std::move(shared)) {
    base = block->base;
    length = block->length;
  }
  std::shared_ptr<Block> block;
};

// The writing ends of the members' bells. The waiters have the reading ends.
class Pipes {
 public:
  ~Pipes() { remove_all(); }
  int open(uint32_t node) {
    int ends[2];
    if (pipe(ends) != 0) return -1;
    for (int end : ends) {
      fcntl(end, F_SETFD, FD_CLOEXEC);
      fcntl(end, F_SETFL, O_NONBLOCK);
    }
    remove(node);
    std::lock_guard<std::mutex> guard(mutex_);
    writers_[node] = ends[1];
    return ends[0];
  }
  bool has(uint32_t node) {
    std::lock_guard<std::mutex> guard(mutex_);
    return writers_.count(node) != 0;
  }
  bool signal(BellWriter& writer, uint32_t node) {
    std::lock_guard<std::mutex> guard(mutex_);
    auto known = writers_.find(node);
    return known != writers_.end() && (writer.write(known->second) == 1 || errno == EAGAIN);
  }
  void remove(uint32_t node) {
    std::lock_guard<std::mutex> guard(mutex_);
    auto known = writers_.find(node);
    if (known == writers_.end()) return;
    close(known->second);
    writers_.erase(known);
  }
  void remove_all() {
    std::lock_guard<std::mutex> guard(mutex_);
    for (const auto& known : writers_) close(known.second);
    writers_.clear();
  }

 private:
  std::mutex mutex_;
  std::map<uint32_t, int> writers_;
};

class LocalBells : public Bells {
 public:
  explicit LocalBells(std::shared_ptr<Pipes> pipes) : pipes_(std::move(pipes)) {}
  int open(uint32_t node) override { return pipes_->open(node); }
  bool is_current(uint32_t node, int) override { return pipes_->has(node); }
  bool signal(BellWriter& writer, uint32_t node, uint64_t) override { return pipes_->signal(writer, node); }
  void remove(uint32_t node) override { pipes_->remove(node); }
  void remove_all() override { pipes_->remove_all(); }

 private:
  std::shared_ptr<Pipes> pipes_;
};

class LocalStore : public Store {
 public:
  std::unique_ptr<Mapping> open(const std::string& object, Access, const Creation* creation) override {
    std::lock_guard<std::mutex> guard(objectsMutex_);
    auto found = objects_.find(object);
    if (found == objects_.end()) {
      if (creation == nullptr) return nullptr;
      auto block = std::make_shared<Block>(creation->bytes, object);
      creation->format(block->base);
      found = objects_.emplace(object, std::move(block)).first;
    }
    return std::make_unique<LocalMapping>(found->second);
  }

  bool remove(const std::string& object) override {
    std::lock_guard<std::mutex> guard(objectsMutex_);
    return objects_.erase(object) + blobs_.erase(object) > 0;
  }

  bool write_blob(const std::string& blob, const std::vector<Bytes>& parts) override {
    std::string bytes;
    for (const Bytes& part : parts) bytes.append(static_cast<const char*>(part.data), part.length);
    std::lock_guard<std::mutex> guard(objectsMutex_);
    return blobs_.emplace(blob, std::move(bytes)).second;
  }
  bool read_blob(const std::string& blob, const std::vector<Bytes>& parts) override {
    std::lock_guard<std::mutex> guard(objectsMutex_);
    auto found = blobs_.find(blob);
    size_t length = 0, at = 0;
    for (const Bytes& part : parts) length += part.length;
    if (found == blobs_.end() || found->second.size() != length) return false;
    for (const Bytes& part : parts) {
      memcpy(part.data, found->second.data() + at, part.length);
      at += part.length;
    }
    return true;
  }
  void remove_blobs(const FleetName&, int64_t node) override {
    std::lock_guard<std::mutex> guard(objectsMutex_);
    for (auto entry = blobs_.begin(); entry != blobs_.end();) {
      ObjectName name;
      bool isOf = parse_name(entry->first.substr(1), &name) && (node < 0 || name.number == node);
      entry = isOf ? blobs_.erase(entry) : std::next(entry);
    }
  }

  void lock_membership(Mapping&, int) override { membership_.lock(); }  // no thread is stopped inside it
  void unlock_membership(Mapping&) override { membership_.unlock(); }
  bool is_current(Mapping& fleet) override {
    std::lock_guard<std::mutex> guard(objectsMutex_);
    for (const auto& known : objects_) {
      if (known.second->base == fleet.base) return true;
    }
    return false;
  }

  std::unique_ptr<Bells> bells(const FleetName&) override { return std::make_unique<LocalBells>(pipes_); }

  bool try_lease(Mapping&, uint32_t node) override {
    std::lock_guard<std::mutex> guard(objectsMutex_);
    if (node >= leased_.size()) leased_.resize(node + 1);
    if (leased_[node]) return false;
    leased_[node] = true;
    return true;
  }
  void drop_lease(Mapping&, uint32_t node) override {
    std::lock_guard<std::mutex> guard(objectsMutex_);
    leased_[node] = false;
  }
  std::vector<bool> listed_leases(Mapping&, uint32_t count) override {
    std::lock_guard<std::mutex> guard(objectsMutex_);
    std::vector<bool> listed(leased_);
    listed.resize(count);
    return listed;
  }
  // Unlike a lock, a flag has no owner, so callers do not ask about their own node (see Fleet::is_dead).
  bool leased_elsewhere(Mapping&, uint32_t first, uint32_t count) override {
    std::lock_guard<std::mutex> guard(objectsMutex_);
    for (uint32_t node = first; node < first + count && node < leased_.size(); node++) {
      if (leased_[node]) return true;
    }
    return false;
  }

 private:
  std::mutex objectsMutex_;
  std::mutex membership_;
  std::map<std::string, std::shared_ptr<Block>> objects_;
  std::map<std::string, std::string> blobs_;
  std::vector<bool> leased_;
  std::shared_ptr<Pipes> pipes_ = std::make_shared<Pipes>();
};

}  // namespace

std::shared_ptr<Store> local_store(const std::string& name) {
  static std::mutex mutex;
  static std::map<std::string, std::weak_ptr<Store>> stores;
  std::lock_guard<std::mutex> guard(mutex);
  for (auto entry = stores.begin(); entry != stores.end();) {
    entry = entry->second.expired() ? stores.erase(entry) : std::next(entry);
  }
  std::shared_ptr<Store> store = stores[name].lock();
  if (store == nullptr) stores[name] = store = std::make_shared<LocalStore>();
  return store;
}

}  // namespace orbit
