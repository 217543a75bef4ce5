#include "sim/scene.h"

#include <stdio.h>
#include <stdlib.h>

#include <sstream>

namespace sim {

Numbers::Numbers(const std::string& text) {
  std::stringstream words(text);
  for (std::string word; words >> word;) {
    size_t equals = word.find('=');
    bool isNumber = equals != std::string::npos && equals + 1 < word.size();
    given_.push_back({word.substr(0, equals), isNumber ? atoi(word.c_str() + equals + 1) : 1});
  }
}

int Numbers::take(const char* name, int otherwise) {
  for (size_t i = 0; i < given_.size(); i++) {
    if (given_[i].first != name) continue;
    int number = given_[i].second;
    given_.erase(given_.begin() + static_cast<long>(i));
    return number;
  }
  return otherwise;
}

Scene::Scene(Numbers* numbers)
    : deaths(numbers->take("deaths", 0)),
      maxRuns(static_cast<uint64_t>(numbers->take("runs", 0))),
      isOldestFirst(numbers->take("oldest", 0) != 0) {}

std::vector<Family>& families() {
  static std::vector<Family> all;
  return all;
}

std::unique_ptr<Scene> scene_of(const std::string& text) {
  size_t end = text.find(' ');
  Numbers numbers(end == std::string::npos ? "" : text.substr(end));
  for (const Family& family : families()) {
    if (text.substr(0, end) != family.name) continue;
    std::unique_ptr<Scene> scene = family.make(&numbers);
    if (numbers.unknown().empty()) return scene;
    fprintf(stderr, "sim: the family %s has no number %s\n", family.name, numbers.unknown().c_str());
    exit(2);
  }
  fprintf(stderr, "sim: there is no family for the scene %s\n", text.c_str());
  exit(2);
}

}  // namespace sim
