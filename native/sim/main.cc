// The simulator's command; README.md says what it is.
//   sim list                          the scenes of scenes.txt, long.txt and storms.txt
//   sim run [SCENE...]                searches scenes exhaustively; each must have its number of executions
//   sim run long                      those of long.txt, which take minutes
//   sim storm [SECONDS [SEED]]        random runs of storms.txt, so long each
//   sim orders                        weakens each order, and expects what orders.txt says
//   sim weaken [FILE]                 proposes the lines of orders.txt (for the sites of one header)
//   sim try FAMILY [NAME=NUMBER...]   any program of a family, with these options:
//     --trail T, --seed N             repeats one run, a line a step
//     --seconds N                     random runs instead of a search
//     --weaken SITE ORDER             SITE as in orders.txt, or as FILE:LINE
//     --cxx20                         C++20's reading of seq_cst instead of RC11's
#include <stdio.h>

#include "sim/command.h"

namespace {

struct Command {
  const char* name;
  int (*run)(const sim::Words&);
};
constexpr Command kCommands[] = {
    {"list", sim::list_scenes}, {"run", sim::run_scenes},      {"storm", sim::storm},
    {"try", sim::try_scene},    {"orders", sim::check_orders}, {"weaken", sim::propose_orders},
};

}  // namespace

int main(int count, char** words) {
  std::string name = count > 1 ? words[1] : "";
  for (const Command& command : kCommands) {
    if (name == command.name) return command.run(sim::Words(words + 2, words + count));
  }
  fprintf(stderr, "usage: sim list | run [SCENE...] | storm [SECONDS [SEED]] | orders | weaken [FILE] | try SCENE\n");
  return 2;
}
