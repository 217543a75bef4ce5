#include "sim/site.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <algorithm>
#include <fstream>
#include <sstream>

namespace sim {

namespace {

constexpr const char* kFolder = "protocol";

struct Primitive {
  const char* name;
  Kind kind;
  Order order;
};
constexpr Primitive kPrimitives[] = {
    {"load_relaxed", Kind::kLoad, Order::kRelaxed},     {"load_acquire", Kind::kLoad, Order::kAcquire},
    {"load_ordered", Kind::kLoad, Order::kSeqCst},      {"store_relaxed", Kind::kStore, Order::kRelaxed},
    {"store_release", Kind::kStore, Order::kRelease},   {"store_ordered", Kind::kStore, Order::kSeqCst},
    {"add_relaxed", Kind::kAdd, Order::kRelaxed},       {"exchange_if", Kind::kSwap, Order::kSeqCst},
    {"exchange_pair", Kind::kPairSwap, Order::kSeqCst}, {"set_bits_ordered", Kind::kOr, Order::kSeqCst},
    {"clear_bits", Kind::kAnd, Order::kRelease},
};

const Primitive* primitive_named(const std::string& name) {
  for (const Primitive& primitive : kPrimitives) {
    if (name == primitive.name) return &primitive;
  }
  return nullptr;
}

Site made(const Primitive& primitive) {
  Site site;
  site.kind = primitive.kind;
  site.written = site.order = primitive.order;
  return site;
}

bool is_word(char c) { return isalnum(static_cast<unsigned char>(c)) || c == '_'; }

// The text as the preprocessor's # operator gives it: white space between tokens becomes one space.
std::string single_spaced(const std::string& text) {
  std::string result;
  for (char c : text) {
    if (!isspace(static_cast<unsigned char>(c))) {
      result += c;
    } else if (!result.empty() && result.back() != ' ') {
      result += ' ';
    }
  }
  while (!result.empty() && result.back() == ' ') result.pop_back();
  return result;
}

// The code of a file with comments, literals and preprocessor lines blanked; every line stays where it is.
std::string code_of(const std::string& path) {
  std::ifstream file(path);
  std::stringstream content;
  content << file.rdbuf();
  std::string code = content.str();
  char until = 0;  // the end of what is blanked: '\n', '*' of a comment, or a quote
  bool isLineStart = true;
  for (size_t i = 0; i < code.size(); i++) {
    char c = code[i], next = i + 1 < code.size() ? code[i + 1] : '\0';
    if (until == 0) {
      if (c == '/' && (next == '/' || next == '*')) until = next == '/' ? '\n' : '*';
      if (c == '#' && isLineStart) until = '\n';
      if (c == '"' || (c == '\'' && !(i > 0 && is_word(code[i - 1])))) until = c;
      if (until != 0) code[i] = ' ';
    } else if (until == '\n' ? c == '\n' : until == '*' ? c == '*' && next == '/' : c == until) {
      if (until == '*') code[i + 1] = ' ';
      if (c != '\n') code[i] = ' ';
      until = 0;
    } else {
      if (c == '\\' && next != '\n') code[i + 1] = ' ';
      if (c != '\n') code[i] = ' ';
    }
    if (c == '\n') isLineStart = true;
    if (!isspace(static_cast<unsigned char>(c))) isLineStart = false;
  }
  return code;
}

// Of the words between two braces or semicolons: the name of the function that they declare, or "".
std::string function_in(std::string head) {
  for (size_t at; (at = head.find("__attribute__")) != std::string::npos;) {
    size_t end = head.find("))", at);
    head.erase(at, end == std::string::npos ? std::string::npos : end + 2 - at);
  }
  size_t open = head.find('(');
  if (open == std::string::npos) return "";
  if (head.compare(open, 3, "()(") == 0) return "operator()";
  size_t end = open;
  while (end > 0 && isspace(static_cast<unsigned char>(head[end - 1]))) end--;
  size_t begin = end;
  while (begin > 0 && is_word(head[begin - 1])) begin--;
  return head.substr(begin, end - begin);
}

// Walks the code once, with the braces that are open around each place.
class Scanner {
 public:
  Scanner(const std::string& file, const std::string& code, std::vector<Site>* found)
      : file_(file), code_(code), found_(found) {}

  void scan() {
    for (size_t i = 0; i < code_.size(); i++) {
      char c = code_[i];
      if (c == '\n') line_++;
      if (c == '{') open(i);
      if (c == '}') close();
      if (c == ';' || c == '{' || c == '}') head_ = i + 1;
      if (is_word(c) && (i == 0 || !is_word(code_[i - 1]))) note_word(i);
    }
  }

 private:
  void open(size_t at) {
    bool isInFunction = !functions_.empty() && !functions_.back().empty();
    functions_.push_back(isInFunction ? functions_.back() : function_in(code_.substr(head_, at - head_)));
  }
  void close() {
    if (!functions_.empty()) functions_.pop_back();
  }

  void note_word(size_t begin) {
    size_t end = begin;
    while (end < code_.size() && is_word(code_[end])) end++;
    const Primitive* primitive = primitive_named(code_.substr(begin, end - begin));
    bool isInFunction = !functions_.empty() && !functions_.back().empty();
    if (primitive == nullptr || !isInFunction || end >= code_.size() || code_[end] != '(') return;
    size_t close = end;
    for (int depth = 0; close < code_.size(); close++) {
      depth += code_[close] == '(' ? 1 : code_[close] == ')' ? -1 : 0;
      if (depth == 0) break;
    }
    Site site = made(*primitive);
    site.file = file_;
    site.function = functions_.back();
    site.call = site_text(primitive->name, code_.substr(end + 1, close - end - 1));
    site.firstLine = line_;
    site.lastLine = line_ + static_cast<int>(std::count(code_.begin() + static_cast<long>(begin),
                                                        code_.begin() + static_cast<long>(close), '\n'));
    for (const Site& other : *found_) {
      if (other.file == site.file && other.function == site.function && other.call == site.call) site.ordinal++;
    }
    found_->push_back(site);
  }

 public:
  static std::string site_text(const char* primitive, const std::string& arguments) {
    std::string text = single_spaced(arguments);
    if (!text.empty() && text[0] == ' ') text.erase(0, 1);
    return std::string(primitive) + "(" + text + ")";
  }

 private:
  std::string file_;
  const std::string& code_;
  std::vector<Site>* found_;
  std::vector<std::string> functions_;  // of each open brace: the function it belongs to, or ""
  size_t head_ = 0;                     // where the words before the next brace begin
  int line_ = 1;
};

std::vector<Site> scanned() {
  DIR* folder = opendir(kFolder);
  if (folder == nullptr) {
    fprintf(stderr, "sim: run in the folder native/, where %s/ is\n", kFolder);
    exit(2);
  }
  std::vector<std::string> files;
  while (dirent* entry = readdir(folder)) {
    std::string name = entry->d_name;
    if (name.size() > 2 && name.substr(name.size() - 2) == ".h") files.push_back(name);
  }
  closedir(folder);
  std::sort(files.begin(), files.end());
  std::vector<Site> found;
  for (const std::string& file : files) {
    std::string code = code_of(std::string(kFolder) + "/" + file);
    Scanner(file, code, &found).scan();
  }
  return found;
}

}  // namespace

std::vector<Site>& sites() {
  static std::vector<Site> all = scanned();
  return all;
}

Site& site_at(const char* path, int line, const char* primitive, const char* arguments) {
  const char* name = strstr(path, "protocol/");
  if (name == nullptr) {
    // A scene's own look at a word: an access as any, but no site of the protocol.
    Site* own = new Site(made(*primitive_named(primitive)));
    own->call = std::string(primitive) + " of the scene";
    return *own;
  }
  std::string file = name + strlen("protocol/"), call = Scanner::site_text(primitive, arguments);
  for (Site& site : sites()) {
    bool isHere = site.firstLine <= line && line <= site.lastLine;
    if (isHere && site.file == file && site.call == call) return site;
  }
  fprintf(stderr, "sim: %s:%d: %s is not among the sites that were found in the text\n", path, line, call.c_str());
  abort();
}

}  // namespace sim
