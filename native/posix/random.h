// A random word that cannot be guessed: for ids that must not coincide, and for seeds that others must not know.
#pragma once

#include <stdint.h>

#include <random>

namespace orbit {

inline uint64_t random_word() {
  std::random_device device;
  return uint64_t{device()} << 32 | device();
}

}  // namespace orbit
