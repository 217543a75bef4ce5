// A scene: a few threads over the product's headers, and what must hold of every execution.
//
// A family is a program with numbers in it ("ring a=2 b=1"); scenes.txt names the scenes, with the number of executions
// that each has. Rules: a thread keeps its results in memory of its own, which is the same at the start of each run;
// no heap in a thread, for one that dies is dropped, not unwound; no time, no chance; every loop ends by itself.
#pragma once

#include <stdint.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sim/simulator.h"
#include "sim/weather.h"

namespace sim {

// "a=2 b=1". A family takes those that it knows.
class Numbers {
 public:
  explicit Numbers(const std::string& text);
  int take(const char* name, int otherwise);
  uint32_t count(const char* name, int otherwise) { return static_cast<uint32_t>(take(name, otherwise)); }
  // The first that no family took; "": none.
  std::string unknown() const { return given_.empty() ? "" : given_[0].first; }

 private:
  std::vector<std::pair<std::string, int>> given_;
};

class Scene : public Program {
 public:
  explicit Scene(Numbers* numbers);
  // Once, before the runs: lays out the shared words.
  virtual void set_up() = 0;
  virtual void choose_weather(WeatherOptions*) const {}

  const int deaths;          // of mortal threads, in one run at most
  const uint64_t maxRuns;    // where the search ends; 0: when all executions are found
  const bool isOldestFirst;  // the search tries the oldest write first
};

using MakeScene = std::unique_ptr<Scene> (*)(Numbers*);

struct Family {
  const char* name;
  MakeScene make;
};
std::vector<Family>& families();

// At the end of a family's file.
struct Registered {
  Registered(const char* name, MakeScene make) { families().push_back({name, make}); }
};
template <typename T>
std::unique_ptr<Scene> make_scene(Numbers* numbers) {
  return std::make_unique<T>(numbers);
}

// "ring a=2 b=1" as a scene. Exits with a message when there is no such family or number.
std::unique_ptr<Scene> scene_of(const std::string& text);

}  // namespace sim
