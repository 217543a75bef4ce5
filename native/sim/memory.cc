#include "sim/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

namespace sim {

namespace {

[[noreturn]] void stop(const char* why) {
  fprintf(stderr, "sim: %s\n", why);
  abort();
}

uint64_t mixed(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e) {
  uint64_t hash = 0x9e3779b97f4a7c15;
  for (uint64_t word : {a, b, c, d, e}) {
    hash = (hash ^ word) * 0xd6e8feb86659fd93;
    hash ^= hash >> 32;
  }
  return hash;
}

}  // namespace

void Memory::map(const uint64_t* base, size_t words) {
  base_ = base;
  indexOf_.assign(words, -1);
  wordCount_ = 0;
}

void Memory::reset() {
  for (int& index : indexOf_) index = -1;
  wordCount_ = 0;
}

void Memory::begin_run() {
  writes_.clear();
  pooled_ = 0;
  scGraph_.clear();
  reads_ = 0;
  for (size_t i = 0; i < wordCount_; i++) begin_word(&words_[i]);
}

void Memory::begin_word(Word* word) {
  Write first;
  first.value = *word->address;
  first.stamp = kGap;
  word->lastBorn = born();
  word->newestSc = 0;
  word->inOrder.assign(1, born());
  writes_.push_back(first);
}

int Memory::word_at(const uint64_t* address) {
  size_t at = static_cast<size_t>(address - base_);
  if (at >= indexOf_.size()) stop("an access outside of the shared words");
  if (indexOf_[at] < 0) {
    if (wordCount_ == kMaxWords) stop("too many words are touched");
    if (wordCount_ == words_.size()) words_.emplace_back();
    Word& word = words_[wordCount_];
    word.address = address;
    indexOf_[at] = static_cast<int>(wordCount_++);
    begin_word(&word);
  }
  return indexOf_[at];
}

// The stamp of a write that is put before `place`.
uint32_t Memory::stamp_before(const Word& word, uint32_t place) const {
  uint32_t before = writes_[word.inOrder[place - 1]].stamp;
  if (place == word.inOrder.size()) return before + kGap;
  uint32_t after = writes_[word.inOrder[place]].stamp;
  if (after - before < 2) stop("no stamp is left between two writes");
  return before + (after - before) / 2;
}

bool Memory::would_write(const Access& access, uint32_t place) const {
  bool wrote;
  applied(access, write_at(access.word, place).value, &wrote);
  if (access.kind != Kind::kPairSwap) return wrote;
  return wrote && write_at(access.second.word, place).value == access.second.operand;
}

bool Memory::may_read(const Knowledge& reader, const Access& access, uint32_t place) const {
  const Word& word = words_[access.word];
  const Write& write = writes_[word.inOrder[place]];
  bool wrote = would_write(access, place);
  if (wrote && write.isPaired) return false;
  if (order_of(access, wrote) != Order::kSeqCst) return true;
  if (rules.isScByStep) return write.stamp >= word.newestSc;
  Clock now = reader.happened;
  if (write.carries) now.join(write.happened);
  ScGraph::Event event = {reader.thread, 0, {touch_at(access.word, place, wrote)}};
  if (access.kind == Kind::kPairSwap) {
    const Write& second = write_at(access.second.word, place);
    if (second.carries) now.join(second.happened);
    event.touches[1] = touch_at(access.second.word, place, wrote);
  }
  return scGraph_.admits(event, reader.happened, now, rules.isCxx20);
}

ScGraph::Touch Memory::touch_at(int word, uint32_t place, bool wrote) const {
  return {word, write_at(word, place).stamp, wrote ? stamp_before(words_[word], place + 1) : 0};
}

void Memory::list_readable(const Knowledge& reader, const Access& access, uint32_t since,
                           std::vector<uint32_t>* places) const {
  const Word& word = words_[access.word];
  int second = access.second.word;
  places->clear();
  if (second >= 0 && words_[second].inOrder.size() != word.inOrder.size()) stop("a word of a pair was written alone");
  for (uint32_t place = static_cast<uint32_t>(word.inOrder.size()); place-- > 0;) {
    if (writes_[word.inOrder[place]].stamp < reader.view[access.word]) break;
    if (second >= 0 && write_at(second, place).stamp < reader.view[second]) break;
    if (word.inOrder[place] >= since && may_read(reader, access, place)) places->push_back(place);
  }
}

bool Memory::may_store(const Knowledge& writer, const Access& access, uint32_t place) const {
  const Word& word = words_[access.word];
  if (writes_[word.inOrder[place - 1]].isPaired) return false;
  if (access.order != Order::kSeqCst) return true;
  if (rules.isScByStep) return writes_[word.inOrder[place]].stamp > word.newestSc;
  return scGraph_.admits({writer.thread, 0, {{access.word, 0, stamp_before(word, place)}}}, writer.happened,
                         writer.happened, rules.isCxx20);
}

void Memory::list_places(const Knowledge& writer, const Access& access, std::vector<uint32_t>* places) const {
  const Word& word = words_[access.word];
  uint32_t end = static_cast<uint32_t>(word.inOrder.size());
  places->assign(1, end);
  for (uint32_t place = end - 1; place > 0; place--) {
    if (writes_[word.inOrder[place]].stamp <= writer.view[access.word]) break;
    if (may_store(writer, access, place)) places->push_back(place);
  }
}

void Memory::count_event(Knowledge* knowledge) {
  uint16_t number = ++knowledge->events;
  knowledge->causal.at[knowledge->thread] = number;
  knowledge->happened.at[knowledge->thread] = number;
}

void Memory::join_carried(Knowledge* knowledge, const Write& write) const {
  const uint32_t* carried = &pool_[write.view];
  for (uint32_t i = 0; i < write.viewWords; i++) {
    if (carried[i] > knowledge->view[i]) knowledge->view[i] = carried[i];
  }
  knowledge->happened.join(write.happened);
}

void Memory::learn(Knowledge* knowledge, const Knowledge& of) const {
  for (size_t i = 0; i < wordCount_; i++) {
    if (of.view[i] > knowledge->view[i]) knowledge->view[i] = of.view[i];
  }
  knowledge->causal.join(of.causal);
  knowledge->happened.join(of.happened);
}

// The view that a write carries: its thread's when it releases (`writer`), and that of the write which it is paired
// with.
void Memory::carry(const Knowledge* writer, const Write* read, Write* write, int word) {
  uint32_t count = static_cast<uint32_t>(wordCount_);
  write->carries = true;
  write->view = static_cast<uint32_t>(pooled_);
  write->viewWords = count;
  pooled_ += count;
  if (pool_.size() < pooled_) pool_.resize(pooled_ * 2);
  uint32_t* view = &pool_[write->view];
  if (writer != nullptr) {
    memcpy(view, writer->view, count * sizeof *view);
    write->happened = writer->happened;
  } else {
    memset(view, 0, count * sizeof *view);
  }
  if (read != nullptr && read->carries) {
    for (uint32_t i = 0; i < read->viewWords; i++) {
      if (pool_[read->view + i] > view[i]) view[i] = pool_[read->view + i];
    }
    write->happened.join(read->happened);
  }
  if (view[word] < write->stamp) view[word] = write->stamp;
}

// Puts a write before `place`. `read`: what it is paired with.
void Memory::add_write(Knowledge* writer, int wordIndex, Order order, uint64_t value, uint32_t place, const Write* read,
                       uint32_t step) {
  Word& word = words_[wordIndex];
  Write write;
  write.value = value;
  write.stamp = stamp_before(word, place);
  write.writer = static_cast<int16_t>(writer->thread);
  write.number = writer->events;
  write.step = step;
  write.causal = writer->causal;
  writer->view[wordIndex] = write.stamp;
  bool isRelease = releases(order);
  if (isRelease || (read != nullptr && read->carries)) carry(isRelease ? writer : nullptr, read, &write, wordIndex);
  word.lastBorn = born();
  word.inOrder.insert(word.inOrder.begin() + place, born());
  writes_.push_back(write);
  if (order == Order::kSeqCst && write.stamp > word.newestSc) word.newestSc = write.stamp;
}

void Memory::store(Knowledge* writer, const Access& access, uint32_t place, uint32_t step) {
  count_event(writer);
  if (access.order == Order::kSeqCst && !rules.isScByStep) {
    scGraph_.add({writer->thread, writer->events, {{access.word, 0, stamp_before(words_[access.word], place)}}},
                 writer->happened, writer->happened, rules.isCxx20);
  }
  add_write(writer, access.word, access.order, access.operand, place, nullptr, step);
}

void Memory::note_sc_read(const Knowledge& reader, const Access& access, const Clock& before, uint32_t place) {
  if (!rules.isScByStep) {
    ScGraph::Event event = {reader.thread, reader.events, {touch_at(access.word, place, access.wrote)}};
    if (access.kind == Kind::kPairSwap) event.touches[1] = touch_at(access.second.word, place, access.wrote);
    scGraph_.add(event, before, reader.happened, rules.isCxx20);
  } else if (rules.isCxx20) {
    for (int index : {access.word, access.second.word}) {
      if (index < 0) continue;
      uint32_t stamp = write_at(index, place).stamp;
      if (stamp > words_[index].newestSc) words_[index].newestSc = stamp;
    }
  }
}

void Memory::read(Knowledge* reader, Access* access, uint32_t place, uint32_t step) {
  const int touched[] = {access->word, access->second.word};
  const uint64_t desired[] = {access->desired, access->second.desired};
  const size_t count = access->kind == Kind::kPairSwap ? 2 : 1;
  access->wrote = would_write(*access, place);
  access->result = write_at(access->word, place).value;
  Order order = order_of(*access, access->wrote);
  const Clock before = reader->happened;
  Write seen[2];
  for (size_t i = 0; i < count; i++) {
    seen[i] = write_at(touched[i], place);
    reader->causal.join(seen[i].causal);
    if (acquires(order) && seen[i].carries) join_carried(reader, seen[i]);
    if (seen[i].stamp > reader->view[touched[i]]) reader->view[touched[i]] = seen[i].stamp;
  }
  count_event(reader);
  for (size_t i = 0; i < count; i++) {
    reads_ += mixed(static_cast<uint64_t>(reader->thread), reader->events, static_cast<uint64_t>(touched[i]),
                    static_cast<uint64_t>(seen[i].writer), seen[i].number);
  }
  if (order == Order::kSeqCst) note_sc_read(*reader, *access, before, place);
  if (!access->wrote) return;
  // Both words are known to the writer before either write carries its view.
  for (size_t i = 0; i < count; i++) {
    writes_[words_[touched[i]].inOrder[place]].isPaired = true;
    reader->view[touched[i]] = stamp_before(words_[touched[i]], place + 1);
  }
  bool wrote;
  for (size_t i = 0; i < count; i++) {
    uint64_t value = count == 2 ? desired[i] : applied(*access, seen[i].value, &wrote);
    add_write(reader, touched[i], access->order, value, place + 1, &seen[i], step);
  }
}

void Memory::touch_newest(Access* access) {
  Write& last = writes_[words_[access->word].inOrder.back()];
  access->result = last.value;
  if (access->kind == Kind::kPairSwap) {
    Write& second = writes_[words_[access->second.word].inOrder.back()];
    access->wrote = last.value == access->operand && second.value == access->second.operand;
    if (!access->wrote) return;
    last.value = access->desired;
    second.value = access->second.desired;
    return;
  }
  last.value = applied(*access, last.value, &access->wrote);
}

uint64_t Memory::graph() const {
  uint64_t sum = reads_;
  for (size_t i = 0; i < wordCount_; i++) {
    const Word& word = words_[i];
    for (size_t place = 0; place < word.inOrder.size(); place++) {
      const Write& write = writes_[word.inOrder[place]];
      sum += mixed(i, place, ~uint64_t{0}, static_cast<uint64_t>(write.writer), write.number);
    }
  }
  return sum;
}

}  // namespace sim
