// The simulated memory: what C++ allows a thread to see of each word, and where it may put a store.
//
// Words. Each keeps its writes in modification order; a stamp is a write's place there, with gaps, so that a write
//   between two others has one as well.
// Threads. Each has a view: for each word the stamp of the oldest write that it may still read. An acquire load joins
//   the view that came with the write, a release write carries the view of its thread. A read-modify-write is right
//   behind what it read (that write is then paired) and carries what came with it as well: the release sequence.
// A store may be put anywhere in modification order behind its thread's view, but not into a pair.
// Two clocks. `causal` knows what an event follows from (program order, reads-from); `happened` knows happens-before.
// Pairs. A swap of two words reads the same place of both, and is put behind it in both: it is one access, and the only
//   kind that may write to these words. Loads of the two words are accesses of their own, so a pair may be seen torn.
// seq_cst. Searched exhaustively, by ScGraph. In random runs the order of execution is the seq_cst order, which permits
//   a little less.
//
// Not modelled: reads of writes that are yet to be made (load buffering), fences, words of mixed sizes, spurious
//   failure.
#pragma once

#include <stdint.h>

#include <vector>

#include "sim/access.h"
#include "sim/clock.h"
#include "sim/scgraph.h"

namespace sim {

constexpr int kMaxWords = 2048;

struct Rules {
  bool isCxx20 = false;     // C++20's reading of seq_cst instead of RC11's
  bool isScByStep = false;  // the seq_cst order is the order of execution
};

// What one thread knows. A process that takes over from a dead one learns all of it (the kernel's lock tells).
struct Knowledge {
  int thread = -1;
  uint16_t events = 0;
  Clock causal, happened;
  uint32_t view[kMaxWords] = {};
};

struct Write {
  uint64_t value = 0;
  uint32_t stamp = 0;
  int16_t writer = -1;  // -1: there from the start
  uint16_t number = 0;  // of its writer's event
  bool isPaired = false;
  bool carries = false;  // a view, at `view` in the pool, of viewWords words
  uint32_t view = 0, viewWords = 0;
  uint32_t step = 0;
  Clock causal, happened;
};

class Memory {
 public:
  Rules rules;

  // Forgets all words.
  void reset();
  // Every word has its first value again, which is what its address holds.
  void begin_run();

  int word_at(const uint64_t* address);
  size_t word_count() const { return wordCount_; }
  // Number of writes that were made in this run, first values included. A later write has a higher index.
  uint32_t born() const { return static_cast<uint32_t>(writes_.size()); }
  uint32_t last_born(int word) const { return words_[word].lastBorn; }

  // The places in modification order from which the access may read, newest first; only writes from index `since` on.
  void list_readable(const Knowledge& reader, const Access& access, uint32_t since,
                     std::vector<uint32_t>* places) const;
  // The places that a store may take, the end first.
  void list_places(const Knowledge& writer, const Access& access, std::vector<uint32_t>* places) const;

  // Whether the access would write, if it read what is at this place.
  bool would_write(const Access& access, uint32_t place) const;
  void read(Knowledge* reader, Access* access, uint32_t place, uint32_t step);
  void store(Knowledge* writer, const Access& access, uint32_t place, uint32_t step);
  // An event that touches no word.
  void count_event(Knowledge* knowledge);
  void learn(Knowledge* knowledge, const Knowledge& of) const;

  const Write& write_at(int word, uint32_t place) const { return writes_[words_[word].inOrder[place]]; }
  bool is_newest(int word, uint32_t place) const { return place + 1 == words_[word].inOrder.size(); }
  const Write& newest(int word) const { return writes_[words_[word].inOrder.back()]; }
  // When all have ended, on the newest write.
  void touch_newest(Access* access);

  // Of the execution: which read saw which write, and modification order. The same for the same execution.
  uint64_t graph() const;

 private:
  static constexpr uint32_t kGap = 1u << 16;

  struct Word {
    const uint64_t* address = nullptr;
    std::vector<uint32_t> inOrder;  // indices of writes
    uint32_t lastBorn = 0;
    uint32_t newestSc = 0;
  };

  void begin_word(Word* word);
  ScGraph::Touch touch_at(int word, uint32_t place, bool wrote) const;
  bool may_read(const Knowledge& reader, const Access& access, uint32_t place) const;
  bool may_store(const Knowledge& writer, const Access& access, uint32_t place) const;
  uint32_t stamp_before(const Word& word, uint32_t place) const;
  void join_carried(Knowledge* knowledge, const Write& write) const;
  void add_write(Knowledge* writer, int word, Order order, uint64_t value, uint32_t place, const Write* read,
                 uint32_t step);
  void note_sc_read(const Knowledge& reader, const Access& access, const Clock& before, uint32_t place);
  void carry(const Knowledge* writer, const Write* read, Write* write, int word);

  std::vector<Word> words_;
  size_t wordCount_ = 0;
  std::vector<Write> writes_;
  std::vector<uint32_t> pool_;  // of views
  size_t pooled_ = 0;
  ScGraph scGraph_;
  uint64_t reads_ = 0;        // the part of graph() that reads make
  std::vector<int> indexOf_;  // by (address - base) / 8
  const uint64_t* base_ = nullptr;

 public:
  // Where the shared words are. Outside of it there are none.
  void map(const uint64_t* base, size_t words);
};

}  // namespace sim
