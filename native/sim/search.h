// A search through the executions of a scene: all of them, or random ones for a time.
#pragma once

#include <stdint.h>

#include <string>

#include "sim/scene.h"

namespace sim {

struct Findings {
  uint64_t executions = 0;  // that came to their end
  uint64_t blocked = 0;     // runs in which a read waited for a write that never came: no execution
  uint64_t cut = 0;         // runs that were too long
  uint64_t deadly = 0;      // executions in which a thread died
  double seconds = 0;
  std::string failure;  // "": every execution was right
  std::string repeat;   // the options that repeat the failing run
};

// Every execution. After a failure it stops; `isTold` prints the trace.
Findings explore(Scene* scene, bool isTold);

// Runs from `seed`, seed + 1 ... for a time.
Findings blow(Scene* scene, double seconds, uint64_t seed, bool isTold);

// One run again, with its trace: of a trail, or of a seed.
Findings repeat_trail(Scene* scene, const std::string& trail);
Findings repeat_seed(Scene* scene, uint64_t seed);

}  // namespace sim
