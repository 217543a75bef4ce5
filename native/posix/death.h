// The death of another process, as a descriptor in an event loop: a pidfd (Linux 5.3).
//
// It becomes readable when the last thread of the process has ended. By then the kernel has closed the files of the
// process, and so has dropped its leases. Nothing is left behind for a later cleanup, unlike with a FIFO that each
// member would have to hold. It says nothing about a process of another pid namespace, and about none where the kernel
// or a seccomp filter has no pidfd: sleepers look on a timer too.
#pragma once

#include <stdint.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif
#include <unistd.h>

namespace orbit {

#ifdef __linux__
// The number is that of the kernel, on all architectures; headers before Linux 5.3 lack it.
constexpr long kPidfdOpen = 434;
// A descriptor that the caller closes, and that is not inherited. -1: there can be none.
inline int open_death_watch(uint32_t pid) { return static_cast<int>(syscall(kPidfdOpen, static_cast<pid_t>(pid), 0u)); }
#else
inline int open_death_watch(uint32_t) { return -1; }
#endif

}  // namespace orbit
