// What wakes the sleepers of a fleet: bells, and the deaths of members.
#include <unistd.h>

#include "fleet/fleet.h"
#include "posix/death.h"
#include "posix/fault.h"

namespace orbit {

int Fleet::watch_death(uint32_t node, uint64_t incarnation) {
  if (!is_alive(node, incarnation)) return kIsDead;
  uint32_t holder = pid(node);
  if (holder == 0 || holder == static_cast<uint32_t>(getpid())) return -1;
  int descriptor = open_death_watch(holder);
  // The member lived after it was opened, so this pid was still that of its process.
  seenAlive_[node % seenAlive_.size()] = {};
  if (is_alive(node, incarnation)) return descriptor;
  if (descriptor >= 0) ::close(descriptor);
  return kIsDead;
}

int Fleet::open_bell() {
  if (!hasNode_ || is_gone()) return -1;
  fault_point("bell:checked");
  int descriptor = bells_->open(node_);
  if (descriptor < 0) return -1;
  hasBell_ = true;
  if (!retired(header())) return descriptor;
  // The remover may have removed the bells before ours was made.
  if (bells_->is_current(node_, descriptor)) bells_->remove(node_);
  ::close(descriptor);
  return -1;
}

bool Fleet::has_bell(int descriptor) const { return bells_->is_current(node_, descriptor); }

void Fleet::signal(uint32_t node) {
  BellWriter writer;
  bells_->signal(writer, node, load_acquire(&record(node)->incarnation));
}

void Fleet::wake(const Ring& ring) {
  BellWriter writer;
  wake_sleepers(ring, [&](uint32_t node) {
    uint64_t incarnation = load_acquire(&record(node)->incarnation);
    // The bell of a dead sleeper is not missed.
    if (bells_->signal(writer, node, incarnation) || !is_alive(node, incarnation)) return;
    add_relaxed(&ring.header->missedWakes, 1);
  });
}

}  // namespace orbit
