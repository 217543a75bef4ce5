// Bells: one FIFO for each waiting node, beside the objects, read by the waiter's own event loop.
//
// A byte in it means "look". If it is lost, the waiter wakes late; nothing else depends on it. When a node gets a new
// owner, the old name is removed before the incarnation is written, and the new FIFO exists before the owner arms a
// ring (native/model/bell.pml needs both).
#pragma once

#include <signal.h>
#include <stdint.h>
#include <sys/types.h>

#include <memory>
#include <string>

#include "posix/name.h"

namespace orbit {

// Writes to bells without the SIGPIPE of a bell that has no reader: a process may have reset Node's handling of that
// signal, and a dead sleeper must not kill a publisher. Blocking the signal costs more than a write. So one writer is
// for all bells of one publication, and blocks the signal at the first.
class BellWriter {
 public:
  BellWriter() = default;
  BellWriter(const BellWriter&) = delete;
  BellWriter& operator=(const BellWriter&) = delete;
  ~BellWriter();
  // Writes one byte and returns what write() returns.
  ssize_t write(int descriptor);

 private:
  void begin();
  bool hasBegun_ = false;
  [[maybe_unused]] bool wasPending_ = false;
  bool isBroken_ = false;
  [[maybe_unused]] sigset_t before_;
};

class Bells {
 public:
  virtual ~Bells() = default;
  // Makes the bell of our own node, and replaces one that exists. The descriptor becomes readable when the bell is
  // signalled; the caller closes it. -1: no bell can be made (the name belongs to another user's file, or the system
  // has no folder for it).
  virtual int open(uint32_t node) = 0;
  // Whether the name still leads to the bell behind `descriptor`.
  virtual bool is_current(uint32_t node, int descriptor) = 0;
  // Never waits: a full bell was signalled already. `incarnation` is that of the node's record, read after its arm
  // word. It tells the bell of this owner from a bell that was opened for an earlier owner. False: there is no bell, or
  // this process cannot open it.
  virtual bool signal(BellWriter& writer, uint32_t node, uint64_t incarnation) = 0;
  virtual void remove(uint32_t node) = 0;
  // Removes the bells of all nodes of the fleet.
  virtual void remove_all() = 0;
};

// The bells of a fleet of all processes on this host that run as this user.
std::unique_ptr<Bells> shared_bells(const FleetName& fleet);

}  // namespace orbit
