// The lists that the tests are made of: scenes.txt, long.txt, storms.txt, orders.txt.
#pragma once

#include <stdint.h>

#include <string>
#include <vector>

namespace sim {

// A line of scenes.txt: "two-writers  28  ring a=1 b=1"; of storms.txt the same without the number.
struct Listed {
  std::string name;
  uint64_t executions = 0;
  std::string text;  // "ring a=1 b=1"
};

std::vector<Listed> listed_scenes();
std::vector<Listed> listed_long_scenes();
std::vector<Listed> listed_storms();

// A line of orders.txt under its site: what comes of one weakening.
struct Verdict {
  std::string site;    // Site::name
  std::string order;   // the weaker one; "": the site is not reached
  std::string scene;   // that catches it; "": it is free
  std::string reason;  // why it is free or not reached
};

std::vector<Verdict> listed_verdicts();

}  // namespace sim
