// Every order of the shipped headers, weakened at run time, one at a time, and what comes of it: orders.txt.
#include <stdio.h>
#include <stdlib.h>

#include <algorithm>

#include "sim/command.h"
#include "sim/jobs.h"
#include "sim/list.h"
#include "sim/search.h"
#include "sim/site.h"

namespace sim {

namespace {

// Scenes of up to so many executions are tried on a weakening that must not be noticed. The others take too long.
constexpr uint64_t kQuick = 10000;
constexpr uint64_t kProposed = 50000;

struct Reach {
  Listed scene;
  double seconds = 0;
  std::vector<bool> isReached;  // by site
};

// Which scenes come to which sites; the fastest first.
std::vector<Reach> reaches(uint64_t mostExecutions) {
  std::vector<Reach> all;
  for (const Listed& listed : listed_scenes()) {
    if (listed.executions > mostExecutions) continue;
    for (Site& site : sites()) site.hits = 0;
    Reach reach;
    reach.scene = listed;
    reach.seconds = explore(scene_of(listed.text).get(), false).seconds;
    for (const Site& site : sites()) reach.isReached.push_back(site.hits > 0);
    all.push_back(reach);
  }
  std::sort(all.begin(), all.end(), [](const Reach& a, const Reach& b) { return a.seconds < b.seconds; });
  return all;
}

// The first scene that notices, or "".
std::string catcher(size_t site, const std::vector<Reach>& scenes) {
  for (const Reach& reach : scenes) {
    if (reach.isReached[site] && !explore(scene_of(reach.scene.text).get(), false).failure.empty()) {
      return reach.scene.name;
    }
  }
  return "";
}

bool is_reached(size_t site, const std::vector<Reach>& scenes) {
  for (const Reach& reach : scenes) {
    if (reach.isReached[site]) return true;
  }
  return false;
}

const Verdict* verdict_on(const std::vector<Verdict>& verdicts, const std::string& site, const std::string& order) {
  for (const Verdict& verdict : verdicts) {
    if (verdict.site == site && verdict.order == order) return &verdict;
  }
  return nullptr;
}

// One weakening: "" when it comes out as the list says, else what is wrong.
std::string wrong_with(size_t index, Order order, const Verdict& verdict, const std::vector<Reach>& quick) {
  Site& site = sites()[index];
  std::string problem;
  site.weaken(order);
  if (verdict.scene.empty()) {
    std::string scene = catcher(index, quick);
    if (!scene.empty()) problem = "is listed as free and caught by " + scene;
  } else {
    std::string text;
    for (const Listed& listed : listed_scenes()) {
      if (listed.name == verdict.scene) text = listed.text;
    }
    if (text.empty()) {
      problem = "names " + verdict.scene + ", which is not in scenes.txt";
    } else if (explore(scene_of(text).get(), false).failure.empty()) {
      problem = "is not caught by " + verdict.scene;
    }
  }
  site.restore();
  return problem;
}

struct Weakening {
  size_t site;
  Order order;
};

std::vector<Weakening> weakenings() {
  std::vector<Weakening> all;
  for (size_t i = 0; i < sites().size(); i++) {
    for (Order order : sites()[i].weaker()) all.push_back({i, order});
  }
  return all;
}

bool complain(const std::string& site, const std::string& order, const std::string& problem) {
  printf("FAILED orders.txt: %s %s %s\n", site.c_str(), order.c_str(), problem.c_str());
  return false;
}

// Each site has its lines and each line has its site; what no quick scene reaches says so.
bool is_complete(const std::vector<Verdict>& verdicts, const std::vector<Reach>& quick) {
  bool isRight = true;
  for (size_t i = 0; i < sites().size(); i++) {
    std::string name = sites()[i].name();
    bool isExcused = verdict_on(verdicts, name, "") != nullptr, isHit = is_reached(i, quick);
    if (isExcused && isHit) isRight = complain(name, "", "is listed as unreached, and a scene reaches it");
    if (!isExcused && !isHit) isRight = complain(name, "", "is reached by no quick scene");
    for (Order order : sites()[i].weaker()) {
      bool isListed = verdict_on(verdicts, name, name_of(order)) != nullptr;
      if (!isListed && !isExcused) isRight = complain(name, name_of(order), "is not listed");
    }
  }
  for (const Verdict& verdict : verdicts) {
    bool isThere = false;
    for (const Site& site : sites()) {
      if (site.name() != verdict.site) continue;
      isThere |= verdict.order.empty();
      for (Order order : site.weaker()) isThere |= verdict.order == name_of(order);
    }
    if (!isThere) isRight = complain(verdict.site, verdict.order, "is in no header any more");
  }
  return isRight;
}

}  // namespace

int check_orders(const Words&) {
  std::vector<Verdict> verdicts = listed_verdicts();
  std::vector<Reach> quick = reaches(kQuick);
  bool isRight = is_complete(verdicts, quick);
  std::vector<Weakening> all = weakenings();
  isRight &= run_jobs(all.size(), [&](size_t index) {
    const Weakening& weakening = all[index];
    std::string name = sites()[weakening.site].name();
    const Verdict* verdict = verdict_on(verdicts, name, name_of(weakening.order));
    if (verdict == nullptr) return true;  // is_complete has spoken
    std::string problem = wrong_with(weakening.site, weakening.order, *verdict, quick);
    return problem.empty() || complain(name, name_of(weakening.order), problem);
  });
  size_t caught = 0, free = 0;
  for (const Verdict& verdict : verdicts) {
    caught += !verdict.scene.empty();
    free += verdict.scene.empty() && !verdict.order.empty();
  }
  printf("sim orders: %zu sites, %zu weakenings: %zu caught, %zu free; %s\n", sites().size(), all.size(), caught, free,
         isRight ? "as orders.txt says" : "orders.txt is wrong");
  return isRight ? 0 : 1;
}

int propose_orders(const Words& words) {
  std::vector<Reach> scenes = reaches(kProposed);
  std::vector<Weakening> all = weakenings();
  for (size_t i = 0; i < sites().size(); i++) {
    if (!is_reached(i, scenes)) printf("%s\n  unreached: \n", sites()[i].name().c_str());
  }
  run_jobs(all.size(), [&](size_t index) {
    const Weakening& weakening = all[index];
    Site& site = sites()[weakening.site];
    bool isAsked = words.empty() || words[0] == site.file;
    if (!isAsked || !is_reached(weakening.site, scenes)) return true;
    site.weaken(weakening.order);
    std::string scene = catcher(weakening.site, scenes);
    site.restore();
    printf("%03zu %s\n    %s %s\n", index, site.name().c_str(), name_of(weakening.order),
           scene.empty() ? "free: " : ("caught by " + scene).c_str());
    return true;
  });
  return 0;
}

}  // namespace sim
