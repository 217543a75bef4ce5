// Bells: one FIFO per waiting node, beside the objects, read by the waiter's own event loop.
//
// A byte in it means "look". Nothing depends on its arrival but the time of a wake. A new owner's bell: the old name goes
// before its incarnation is written, the new FIFO stands before it arms anything (native/model/bell.pml needs both).
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include <memory>
#include <string>

namespace orbit {

class Bells {
 public:
  virtual ~Bells() = default;
  // Makes the bell of our own node, anew if there is one. The descriptor becomes readable when it is rung, and belongs to
  // the caller. -1: there can be none here (somebody else's file has the name, or the system has no place for it).
  virtual int open(uint32_t node) = 0;
  // Does the name still lead to the bell behind `descriptor`?
  virtual bool is_current(uint32_t node, int descriptor) = 0;
  // Never waits: a full bell has been rung, a missing one cannot be. `incarnation` is that of the node's record, read after
  // its arm word: it tells the bell of this owner from one that was opened for the owner before.
  virtual void ring(uint32_t node, uint64_t incarnation) = 0;
  virtual void remove(uint32_t node) = 0;
  // Those of every node.
  virtual void remove_all() = 0;
};

// One byte, as write does, but for the SIGPIPE of a bell whose reader is gone: a process may have unset what Node does
// about it, and a dead sleeper must not kill a publisher.
ssize_t strike(int descriptor);

// Of all processes of this user on this host.
std::unique_ptr<Bells> shared_bells(const std::string& fleet);

}  // namespace orbit
