// What the simulator is asked to do: list, run, try, storm (command.cc); orders, weaken (orders.cc).
#pragma once

#include <string>
#include <vector>

namespace sim {

using Words = std::vector<std::string>;

int list_scenes(const Words& words);
int run_scenes(const Words& words);
int try_scene(const Words& words);
int storm(const Words& words);
int check_orders(const Words& words);
int propose_orders(const Words& words);

}  // namespace sim
