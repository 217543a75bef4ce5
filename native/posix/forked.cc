#include "posix/forked.h"

#include <pthread.h>

#include <atomic>

namespace orbit {

namespace {

std::atomic<bool> forked{false};
const int registered = pthread_atfork(nullptr, nullptr, [] { forked.store(true, std::memory_order_relaxed); });

}  // namespace

bool is_forked() { return registered == 0 && forked.load(std::memory_order_relaxed); }

}  // namespace orbit
