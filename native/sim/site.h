// A call site: one place in a shipped header that accesses shared words, named so that a moved line keeps the name:
// file, function, the call as it is written, and a number where a function has the same call twice.
#pragma once

#include <stdint.h>

#include <string>
#include <vector>

#include "sim/access.h"

namespace sim {

struct Site {
  std::string file;      // "ring.h"
  std::string function;  // "publish"
  std::string call;      // "store_release(&entry->hand, received)"
  int ordinal = 1;       // of the same call in the same function
  int firstLine = 0, lastLine = 0;
  Kind kind = Kind::kNone;
  Order written = Order::kRelaxed;
  Order order = Order::kRelaxed;  // as it is tried
  bool isWeakened = false;
  uint64_t hits = 0;

  // Of accesses that are no part of the protocol.
  static Site unlisted(const char* call) {
    Site site;
    site.call = call;
    return site;
  }

  // "ring.h publish: store_release(&entry->hand, received)"
  std::string name() const {
    std::string suffix = ordinal > 1 ? " #" + std::to_string(ordinal) : "";
    return file + " " + function + ": " + call + suffix;
  }
  // "ring.h:357"
  std::string where() const { return file.empty() ? call : file + ":" + std::to_string(firstLine); }

  void weaken(Order to) {
    order = to;
    isWeakened = true;
  }
  void restore() {
    order = written;
    isWeakened = false;
  }
  std::vector<Order> weaker() const {
    if (kind == Kind::kLoad) return weaker_loads(written);
    if (kind == Kind::kStore) return weaker_stores(written);
    return weaker_updates(written);
  }
};

// Every site of the headers in protocol/, in the order of their text. Read from the files at the first call.
std::vector<Site>& sites();

// The site that the compiler saw at this line. `call` is the primitive's name, `arguments` its text.
Site& site_at(const char* file, int line, const char* primitive, const char* arguments);

}  // namespace sim
