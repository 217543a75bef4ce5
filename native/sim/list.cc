#include "sim/list.h"

#include <stdio.h>
#include <stdlib.h>

#include <fstream>
#include <sstream>

namespace sim {

namespace {

// The lines of a list that say something.
std::vector<std::string> lines_of(const char* path) {
  std::ifstream file(path);
  if (!file) {
    fprintf(stderr, "sim: run in the folder native/, where %s is\n", path);
    exit(2);
  }
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) {
    if (line.find_first_not_of(' ') != std::string::npos && line[0] != '#') lines.push_back(line);
  }
  return lines;
}

std::string rest_of(std::stringstream* words) {
  std::string rest;
  std::getline(*words >> std::ws, rest);
  return rest;
}

std::vector<Listed> listed(const char* path, bool hasNumber) {
  std::vector<Listed> scenes;
  for (const std::string& line : lines_of(path)) {
    std::stringstream words(line);
    Listed scene;
    words >> scene.name;
    if (hasNumber) words >> scene.executions;
    scene.text = rest_of(&words);
    scenes.push_back(scene);
  }
  return scenes;
}

[[noreturn]] void refuse(const std::string& line) {
  fprintf(stderr,
          "sim: orders.txt: \"%s\" is not \"ORDER caught by SCENE\", \"ORDER free: REASON\" or \"unreached: REASON\"\n",
          line.c_str());
  exit(2);
}

Verdict verdict_of(const std::string& site, const std::string& line) {
  Verdict verdict;
  verdict.site = site;
  std::stringstream words(line);
  std::string first, second;
  words >> first;
  if (first == "unreached:") {
    verdict.reason = rest_of(&words);
    return verdict;
  }
  verdict.order = first;
  words >> second;
  if (second == "free:") {
    verdict.reason = rest_of(&words);
  } else if (second == "caught" && words >> second && second == "by") {
    verdict.scene = rest_of(&words);
  }
  if (verdict.reason.empty() && verdict.scene.empty()) refuse(line);
  return verdict;
}

}  // namespace

std::vector<Listed> listed_scenes() { return listed("sim/scenes.txt", true); }
std::vector<Listed> listed_long_scenes() { return listed("sim/long.txt", true); }
std::vector<Listed> listed_storms() { return listed("sim/storms.txt", false); }

std::vector<Verdict> listed_verdicts() {
  std::vector<Verdict> verdicts;
  std::string site;
  for (const std::string& line : lines_of("sim/orders.txt")) {
    if (line[0] != ' ') {
      site = line;
    } else {
      verdicts.push_back(verdict_of(site, line));
    }
  }
  return verdicts;
}

}  // namespace sim
