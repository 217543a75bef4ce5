// entries.h on plain memory, one thread: every transition, by its owner and by others, deaths, changes, hostile cards.
#include "protocol/entries.h"

#include <memory>
#include <string>
#include <vector>

#include "check.h"
#include "protocol/settle.h"

using namespace orbit;

namespace {

constexpr uint32_t kFleetSize = 4;

RingSpec spec_of(uint32_t capacity, uint32_t payloadBytes) {
  RingSpec spec;
  spec.typeKind = 130;
  spec.capacity = capacity;
  spec.payloadBytes = payloadBytes;
  spec.fleetSize = kFleetSize;
  return spec;
}

struct Cells {
  uint64_t bytes;
  std::unique_ptr<uint8_t, Free> base;
  Ring ring;
  Writer writers[kFleetSize];
  uint64_t incarnations[kFleetSize] = {1, 1, 1, 1};
  std::vector<uint64_t> stamps;

  explicit Cells(uint32_t capacity = 4, uint32_t payloadBytes = 64)
      : bytes(ring_bytes(spec_of(capacity, payloadBytes))), stamps(capacity) {
    base.reset(static_cast<uint8_t*>(aligned_alloc(64, align_line(bytes))));
    memset(base.get(), 0x5a, bytes);
    format_table(base.get(), spec_of(capacity, payloadBytes), 0);
    CHECK(attach_table(base.get(), bytes, &ring) == AttachStatus::kOk);
    for (uint32_t node = 0; node < kFleetSize; node++) settle_node(node);
  }
  void settle_node(uint32_t node) { CHECK(become_writer(ring, node, &writers[node]) == RingStatus::kOk); }
  void kill(uint32_t node) {
    incarnations[node]++;
    settle_node(node);
  }
  auto alive() {
    return [this](uint32_t node, uint64_t incarnation) { return incarnations[node] == incarnation; };
  }
  Entry entry(uint32_t node, const std::string& id, const std::string& value) {
    return {incarnations[node], id.data(), static_cast<uint32_t>(id.size()), value.data(),
            static_cast<uint32_t>(value.size())};
  }
  TableStatus add(uint32_t node, uint32_t* cell, const std::string& id, const std::string& value = "") {
    return add_entry(&writers[node], cell, entry(node, id, value), alive());
  }
  TableStatus change(uint32_t node, uint32_t cell, const std::string& id, const std::string& value) {
    return change_cell(&writers[node], cell, entry(node, id, value));
  }
  TableStatus empty(uint32_t node, uint32_t cell) { return empty_cell(&writers[node], cell, incarnations[node]); }

  // "id=value@node", "" for a cell without an entry, "?" for a damaged one.
  std::string content(uint32_t cell) {
    Card card;
    EntryHeader header;
    CellState state = read_card(ring, cell, &card) ? entry_in(ring, card, &header) : CellState::kDamaged;
    return text(state, card, header);
  }
  static std::string text(CellState state, const Card& card, const EntryHeader& header) {
    if (state == CellState::kEmpty) return "";
    if (state == CellState::kDamaged) return "?";
    const char* bytes = reinterpret_cast<const char*>(card.bytes) + sizeof header;
    return std::string(bytes, header.idBytes) + "=" + std::string(bytes + header.idBytes, header.valueBytes) + "@" +
           std::to_string(header.node);
  }
  // The changes since the last call, as "cell:content".
  std::vector<std::string> changes() {
    std::vector<std::string> found;
    for (uint32_t cell = 0; cell <= ring.mask; cell++) {
      Card card;
      EntryHeader header;
      CellState state;
      if (!read_change(ring, cell, &stamps[cell], &card, &header, &state)) continue;
      found.push_back(std::to_string(cell) + ":" + text(state, card, header));
    }
    return found;
  }
};

void an_entry_is_added_changed_and_removed_by_its_owner() {
  Cells cells;
  uint32_t cell = 2;
  CHECK_EQUAL(cells.add(0, &cell, "ada", "1"), TableStatus::kDone);
  CHECK_EQUAL(cell, 2);
  CHECK(cells.content(2) == "ada=1@0");
  CHECK_EQUAL(cells.change(0, 2, "ada", "two"), TableStatus::kDone);
  CHECK(cells.content(2) == "ada=two@0");
  CHECK_EQUAL(cells.empty(0, 2), TableStatus::kDone);
  CHECK(cells.content(2) == "");
  CHECK_EQUAL(cells.empty(0, 2), TableStatus::kNone);
  CHECK_EQUAL(cells.change(0, 2, "ada", "3"), TableStatus::kNone);
}

void the_entry_of_a_living_owner_is_changed_by_no_other() {
  Cells cells(1);
  uint32_t cell = 0;
  CHECK_EQUAL(cells.add(0, &cell, "ada"), TableStatus::kDone);
  CHECK_EQUAL(cells.add(1, &cell, "bob"), TableStatus::kFull);
  CHECK_EQUAL(cells.add(0, &cell, "cyd"), TableStatus::kFull);
  CHECK_EQUAL(cells.change(1, 0, "bob", ""), TableStatus::kNone);
  CHECK_EQUAL(cells.empty(1, 0), TableStatus::kNone);
  CHECK(cells.content(0) == "ada=@0");
}

void the_cell_of_a_dead_owner_is_free_even_for_the_next_owner_of_its_node() {
  for (uint32_t taker : {0u, 1u}) {
    Cells cells(1);
    uint32_t cell = 0;
    CHECK_EQUAL(cells.add(0, &cell, "ada"), TableStatus::kDone);
    cells.kill(0);
    CHECK_EQUAL(cells.change(0, 0, "ada", "late"), TableStatus::kNone);
    CHECK_EQUAL(cells.empty(0, 0), TableStatus::kNone);
    CHECK_EQUAL(cells.add(taker, &cell, "bob"), TableStatus::kDone);
    CHECK(cells.content(0) == "bob=@" + std::to_string(taker));
  }
}

void a_search_goes_around_the_end_and_passes_damaged_cells() {
  Cells cells(4);
  uint32_t cell = 3;
  for (const char* id : {"a", "b", "c"}) {
    CHECK_EQUAL(cells.add(0, &cell, id), TableStatus::kDone);
    cell = 3;
  }
  CHECK(cells.content(3) == "a=@0" && cells.content(0) == "b=@0" && cells.content(1) == "c=@0");
  Card card;
  CHECK(read_card(cells.ring, 2, &card));
  card.length = 8;
  memset(card.bytes, 0xff, 8);
  CHECK(replace_card(&cells.writers[1], 2, card));
  CHECK(cells.content(2) == "?");
  CHECK_EQUAL(cells.add(0, &cell, "d"), TableStatus::kFull);
  CHECK_EQUAL(cells.empty(0, 2), TableStatus::kCorrupt);
}

void an_entry_has_at_most_the_room_of_a_cell() {
  Cells cells(2, sizeof(EntryHeader) + 8);
  uint32_t cell = 0;
  CHECK_EQUAL(cells.add(0, &cell, "12345", "678"), TableStatus::kDone);
  CHECK_EQUAL(cells.change(0, cell, "12345", "6789"), TableStatus::kTooLarge);
  CHECK(cells.content(cell) == "12345=678@0");
  cell = 1;
  CHECK_EQUAL(cells.add(0, &cell, "123456789"), TableStatus::kTooLarge);
}

void headers_of_any_content_are_entries_or_damaged() {
  Cells cells(1);
  Random random{7};
  for (int round = 0; round < 20000; round++) {
    Card card = {};
    card.length = static_cast<uint32_t>(random.below(65));
    for (uint32_t i = 0; i < card.length; i++) card.bytes[i] = static_cast<uint8_t>(random.below(3));
    EntryHeader header;
    if (entry_in(cells.ring, card, &header) != CellState::kEntry) continue;
    CHECK(header.node < kFleetSize && header.idBytes > 0);
    CHECK(sizeof header + header.idBytes + header.valueBytes <= card.length);
  }
}

void a_watcher_sees_each_changed_cell_once() {
  Cells cells;
  CHECK(cells.changes().empty());
  uint32_t cell = 0, other = 1;
  CHECK_EQUAL(cells.add(0, &cell, "ada", "1"), TableStatus::kDone);
  CHECK_EQUAL(cells.add(1, &other, "bob"), TableStatus::kDone);
  CHECK((cells.changes() == std::vector<std::string>{"0:ada=1@0", "1:bob=@1"}));
  CHECK(cells.changes().empty());
  CHECK_EQUAL(cells.change(0, 0, "ada", "1"), TableStatus::kDone);
  CHECK_EQUAL(cells.empty(1, 1), TableStatus::kDone);
  CHECK((cells.changes() == std::vector<std::string>{"0:ada=1@0", "1:"}));
  CHECK(cells.changes().empty());
}

}  // namespace

int main(int count, char** words) {
  parse_options(count, words);
  const Test tests[] = {
      {"an entry is added, changed and removed by its owner", an_entry_is_added_changed_and_removed_by_its_owner},
      {"the entry of a living owner is changed by no other", the_entry_of_a_living_owner_is_changed_by_no_other},
      {"the cell of a dead owner is free, even for the next owner of its node",
       the_cell_of_a_dead_owner_is_free_even_for_the_next_owner_of_its_node},
      {"a search goes around the end, and passes damaged cells", a_search_goes_around_the_end_and_passes_damaged_cells},
      {"an entry has at most the room of a cell", an_entry_has_at_most_the_room_of_a_cell},
      {"headers of any content are entries, or damaged", headers_of_any_content_are_entries_or_damaged},
      {"a watcher sees each changed cell once", a_watcher_sees_each_changed_cell_once},
  };
  for (const Test& test : tests) {
    test.run();
    printf("ok  %s\n", test.sentence);
  }
  return 0;
}
