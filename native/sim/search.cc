#include "sim/search.h"

#include <stdio.h>

#include "sim/explorer.h"
#include "sim/weather.h"
#include "test/check.h"

namespace sim {

namespace {

void prepare(Scene* scene, bool isScByStep) {
  simulator.set_up();
  simulator.deathsAllowed = scene->deaths;
  simulator.memory.rules.isScByStep = isScByStep;
  scene->set_up();
}

void count(Outcome outcome, Findings* findings) {
  if (outcome == Outcome::kComplete) {
    findings->executions++;
    findings->deadly += simulator.any_dead();
  } else if (outcome == Outcome::kBlocked) {
    findings->blocked++;
  } else if (outcome == Outcome::kCut) {
    findings->cut++;
  } else {
    findings->failure = simulator.failure();
  }
}

// The last run once more, a line a step.
void tell(Strategy* strategy, Scene* scene) {
  simulator.isTraced = true;
  simulator.run(strategy, scene);
  simulator.isTraced = false;
}

}  // namespace

Findings explore(Scene* scene, bool isTold) {
  Findings findings;
  double start = seconds_now();
  prepare(scene, false);
  Explorer explorer;
  explorer.isOldestFirst = scene->isOldestFirst;
  uint64_t runs = 0;
  do {
    count(simulator.run(&explorer, scene), &findings);
    runs++;
  } while (findings.failure.empty() && (scene->maxRuns == 0 || runs < scene->maxRuns) && explorer.trail.next());
  findings.seconds = seconds_now() - start;
  if (findings.failure.empty()) return findings;
  findings.repeat = "--trail " + explorer.trail.text();
  if (isTold) tell(&explorer, scene);
  return findings;
}

Findings blow(Scene* scene, double seconds, uint64_t seed, bool isTold) {
  Findings findings;
  double start = seconds_now();
  prepare(scene, true);
  Weather weather;
  scene->choose_weather(&weather.options);
  for (weather.seed = seed;; weather.seed++) {
    count(simulator.run(&weather, scene), &findings);
    findings.seconds = seconds_now() - start;
    if (!findings.failure.empty() || findings.seconds >= seconds) break;
  }
  if (findings.failure.empty()) return findings;
  findings.repeat = "--seed " + std::to_string(weather.seed);
  if (isTold) tell(&weather, scene);
  return findings;
}

Findings repeat_trail(Scene* scene, const std::string& trail) {
  Findings findings;
  prepare(scene, false);
  Explorer explorer;
  explorer.isOldestFirst = scene->isOldestFirst;
  explorer.trail.set(trail);
  simulator.isTraced = true;
  count(simulator.run(&explorer, scene), &findings);
  simulator.isTraced = false;
  return findings;
}

Findings repeat_seed(Scene* scene, uint64_t seed) {
  Findings findings;
  prepare(scene, true);
  Weather weather;
  weather.seed = seed;
  scene->choose_weather(&weather.options);
  simulator.isTraced = true;
  count(simulator.run(&weather, scene), &findings);
  simulator.isTraced = false;
  return findings;
}

}  // namespace sim
