// Tasks on all processors: each worker is a forked process that takes the next task until there is none.
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vector>

namespace sim {

// Calls task(0) ... task(count - 1), each in some worker, and says whether all returned true. A task prints whole
// lines.
template <typename Task>
bool run_jobs(size_t count, Task task) {
  void* shared = mmap(nullptr, sizeof(size_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) abort();
  size_t* next = static_cast<size_t*>(shared);
  long workers = sysconf(_SC_NPROCESSORS_ONLN);
  fflush(stdout);
  std::vector<pid_t> children;
  for (long i = 0; i < workers; i++) {
    pid_t child = fork();
    if (child < 0) abort();
    if (child > 0) {
      children.push_back(child);
      continue;
    }
    bool isRight = true;
    for (size_t index; (index = __atomic_fetch_add(next, 1, __ATOMIC_SEQ_CST)) < count;) {
      isRight &= task(index);
      fflush(stdout);
    }
    _exit(isRight ? 0 : 1);
  }
  bool areRight = true;
  for (pid_t child : children) {
    int status = 0;
    areRight &= waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }
  munmap(shared, sizeof(size_t));
  return areRight;
}

}  // namespace sim
