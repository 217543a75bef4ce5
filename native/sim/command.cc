#include "sim/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "sim/jobs.h"
#include "sim/list.h"
#include "sim/search.h"
#include "sim/site.h"

namespace sim {

namespace {

unsigned long long big(uint64_t number) { return number; }

// After the trace.
void print_failure(const std::string& text, const Findings& findings) {
  printf("FAILED %s\n  %s\n  again: sim try %s %s\n", text.c_str(), findings.failure.c_str(), text.c_str(),
         findings.repeat.c_str());
}

bool run_scene(const Listed& listed) {
  Findings findings = explore(scene_of(listed.text).get(), true);
  if (!findings.failure.empty()) {
    print_failure(listed.text, findings);
    return false;
  }
  bool isRight = findings.executions == listed.executions && findings.cut == 0;
  printf("sim %-24s %9llu executions  %6.2f s  %s\n", listed.name.c_str(), big(findings.executions), findings.seconds,
         listed.text.c_str());
  if (!isRight) {
    printf("FAILED %s: the list says %llu executions; %llu runs were cut\n", listed.name.c_str(),
           big(listed.executions), big(findings.cut));
  }
  return isRight;
}

// The site of this name, or of this place ("ring.h:357").
Site* site_named(const std::string& name) {
  for (Site& site : sites()) {
    if (site.name() == name || site.where() == name) return &site;
  }
  fprintf(stderr, "sim: there is no site %s\n", name.c_str());
  exit(2);
}

Order order_named(const std::string& name) {
  for (int i = 0; i <= static_cast<int>(Order::kSeqCst); i++) {
    if (name == name_of(static_cast<Order>(i))) return static_cast<Order>(i);
  }
  fprintf(stderr, "sim: there is no order %s\n", name.c_str());
  exit(2);
}

bool blow_storm(const Listed& listed, double seconds, uint64_t seed) {
  Findings findings = blow(scene_of(listed.text).get(), seconds, seed, true);
  printf("sim storm %-18s %9llu runs, %llu with a death, seed %llu  %s\n", listed.name.c_str(),
         big(findings.executions), big(findings.deadly), big(seed), listed.text.c_str());
  if (findings.cut + findings.blocked > 0) {
    printf("FAILED %s: %llu runs were cut, %llu blocked\n", listed.name.c_str(), big(findings.cut),
           big(findings.blocked));
    return false;
  }
  if (!findings.failure.empty()) print_failure(listed.text, findings);
  return findings.failure.empty();
}

}  // namespace

int list_scenes(const Words&) {
  for (const auto& list : {listed_scenes(), listed_long_scenes(), listed_storms()}) {
    for (const Listed& scene : list) printf("%-24s %s\n", scene.name.c_str(), scene.text.c_str());
  }
  return 0;
}

int run_scenes(const Words& words) {
  std::vector<Listed> all = listed_scenes(), chosen;
  for (const Listed& scene : listed_long_scenes()) all.push_back(scene);
  if (words.empty()) chosen = listed_scenes();
  if (words.size() == 1 && words[0] == "long") chosen = listed_long_scenes();
  for (const Listed& scene : all) {
    bool isChosen = false;
    for (const std::string& word : words) isChosen |= word == scene.name;
    if (isChosen) chosen.push_back(scene);
  }
  if (chosen.size() < words.size() || chosen.empty()) {
    fprintf(stderr, "sim: a scene is neither in scenes.txt nor in long.txt\n");
    return 2;
  }
  bool areRight = run_jobs(chosen.size(), [&](size_t index) { return run_scene(chosen[index]); });
  printf("sim: %zu scenes, %s\n", chosen.size(),
         areRight ? "each with its executions and no failure" : "not all right");
  return areRight ? 0 : 1;
}

int try_scene(const Words& words) {
  std::string text, trail;
  uint64_t seed = 0;
  double seconds = 0;
  for (size_t i = 0; i < words.size(); i++) {
    bool hasValue = i + 1 < words.size();
    if (words[i] == "--trail" && hasValue) {
      trail = words[++i];
    } else if (words[i] == "--seed" && hasValue) {
      seed = strtoull(words[++i].c_str(), nullptr, 0);
    } else if (words[i] == "--seconds" && hasValue) {
      seconds = atof(words[++i].c_str());
    } else if (words[i] == "--cxx20") {
      simulator.memory.rules.isCxx20 = true;
    } else if (words[i] == "--weaken" && i + 2 < words.size()) {
      site_named(words[i + 1])->weaken(order_named(words[i + 2]));
      i += 2;
    } else {
      text += (text.empty() ? "" : " ") + words[i];
    }
  }
  std::unique_ptr<Scene> scene = scene_of(text);
  Findings findings = !trail.empty() ? repeat_trail(scene.get(), trail)
                      : seconds > 0  ? blow(scene.get(), seconds, seed, true)
                      : seed > 0     ? repeat_seed(scene.get(), seed)
                                     : explore(scene.get(), true);
  if (!findings.failure.empty()) print_failure(text, findings);
  printf("%llu executions, %llu with a death; %llu runs blocked, %llu cut; %.3f s\n", big(findings.executions),
         big(findings.deadly), big(findings.blocked), big(findings.cut), findings.seconds);
  return findings.failure.empty() ? 0 : 1;
}

int storm(const Words& words) {
  double seconds = words.empty() ? 2 : atof(words[0].c_str());
  uint64_t seed =
      words.size() > 1 ? strtoull(words[1].c_str(), nullptr, 0) : static_cast<uint64_t>(time(nullptr)) << 24;
  std::vector<Listed> storms = listed_storms();
  bool areRight = run_jobs(storms.size(), [&](size_t index) { return blow_storm(storms[index], seconds, seed); });
  return areRight ? 0 : 1;
}

}  // namespace sim
