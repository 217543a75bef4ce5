// The trail of an exhaustive search: the choices of one run, from which the next run is made. No state is stored.
#pragma once

#include <stdio.h>
#include <stdlib.h>

#include <sstream>
#include <string>
#include <vector>

namespace sim {

class Trail {
 public:
  void clear() { nodes_.clear(); }
  void begin_run() { depth_ = 0; }
  // The node that the next choice makes.
  size_t depth() const { return depth_; }

  // One of `count` choices.
  int choose(int count) { return choose(count, false); }
  // One of `count`, or `count` itself: the read is put off. That branch opens once the node is marked.
  int choose_read(int count) { return choose(count, true); }
  void mark(size_t node) { nodes_[node].isMarked = true; }

  // The next run in depth-first order; false: there is none.
  bool next() {
    for (; !nodes_.empty(); nodes_.pop_back()) {
      Node& last = nodes_.back();
      if (last.at + 1 >= last.count + (last.isMarked ? 1 : 0)) continue;
      last.at++;
      return true;
    }
    return false;
  }

  // "0.0.3.1": all choices up to the last that is not the first.
  std::string text() const {
    size_t end = nodes_.size();
    while (end > 0 && nodes_[end - 1].at == 0) end--;
    std::string result;
    for (size_t i = 0; i < end; i++) result += (i == 0 ? "" : ".") + std::to_string(nodes_[i].at);
    return result.empty() ? "0" : result;
  }
  // The next run is the one of such a text.
  void set(const std::string& text) {
    given_.clear();
    std::stringstream parts(text);
    for (std::string part; std::getline(parts, part, '.');) given_.push_back(atoi(part.c_str()));
  }

 private:
  struct Node {
    int count, at;
    bool isRead, isMarked;
  };

  int choose(int count, bool isRead) {
    if (depth_ == nodes_.size()) {
      int at = depth_ < given_.size() ? given_[depth_] : 0;
      nodes_.push_back({count, at, isRead, false});
    }
    const Node& node = nodes_[depth_++];
    if (node.count != count || node.isRead != isRead) {
      fprintf(stderr, "sim: the program is not deterministic: a run does not repeat the one before\n");
      abort();
    }
    return node.at;
  }

  std::vector<Node> nodes_;
  std::vector<int> given_;
  size_t depth_ = 0;
};

}  // namespace sim
