// Child processes of the storms.
#pragma once

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "check.h"

namespace orbit {

// Runs `body` in a child, which ends with it, and with its parent.
template <typename Body>
pid_t start_child(Body body) {
  pid_t parent = getpid(), pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    body();
    _exit(0);
  }
  return pid;
}

}  // namespace orbit
