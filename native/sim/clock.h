// A vector clock: how many events of each thread are known.
#pragma once

#include <stdint.h>

namespace sim {

constexpr int kMaxThreads = 16;

struct Clock {
  uint16_t at[kMaxThreads] = {};

  void join(const Clock& other) {
    for (int i = 0; i < kMaxThreads; i++) {
      if (other.at[i] > at[i]) at[i] = other.at[i];
    }
  }
};

}  // namespace sim
