// Entries { id, value } of processes, which count as long as their owner lives. Any process may be killed or stopped at
// any instruction.
//
// Cells. The buckets of a table; each has one entry, or nothing. An entry is in any cell: its owner remembers in which.
//   A cell is free if it is empty, or if the incarnation of its owner has ended.
// Transitions. A process fills a free cell, and changes or empties a cell of its own. Each is one transition of
//   table.h, with its condition checked on the content that the swap replaces. So nothing is ever half done, and
//   table.h says what a death leaves. There is no access to shared words but those of table.h.
// Watching. A watcher remembers the stamp of each cell. A cell with another stamp has changed. The entry of an owner
//   that dies does not change: the watcher learns of the death from the kernel.
//
// Invariant: E1  Only its owner changes the entry of a living owner.
//
// The shared bytes are input, as in ring.h. No system call, no allocation, no exception, no Node.
#pragma once

#include "protocol/payload.h"
#include "protocol/table.h"

namespace orbit {

// What a process puts into a cell. The owner is the node of its writer.
struct Entry {
  uint64_t incarnation;
  const void* id;
  uint32_t idBytes;  // 1 or more
  const void* value;
  uint32_t valueBytes;
};

enum class CellState { kEmpty, kEntry, kDamaged };

// Looks at the content of a cell, in a private copy. kEntry: the header is checked, and id and value follow it.
inline CellState entry_in(const Ring& ring, const Card& card, EntryHeader* header) {
  if (card.length == 0) return CellState::kEmpty;
  if (card.length < sizeof *header) return CellState::kDamaged;
  memcpy(header, card.bytes, sizeof *header);
  uint32_t bytes = uint32_t{header->idBytes} + header->valueBytes;
  bool isWhole = header->idBytes > 0 && bytes <= card.length - sizeof *header && header->node < ring.spec.fleetSize;
  return isWhole ? CellState::kEntry : CellState::kDamaged;
}

inline bool is_own(const Writer& writer, uint64_t incarnation, const EntryHeader& header) {
  return header.node == writer.node && header.incarnation == incarnation;
}

// Writes the entry as the content of a cell. False: it is too large.
inline bool set_entry(const Writer& writer, const Entry& entry, Card* card) {
  uint64_t bytes = sizeof(EntryHeader) + uint64_t{entry.idBytes} + entry.valueBytes;
  if (bytes > card_room(writer.ring) || entry.idBytes > UINT16_MAX || entry.valueBytes > UINT16_MAX) return false;
  EntryHeader header = {entry.incarnation, writer.node, static_cast<uint16_t>(entry.idBytes),
                        static_cast<uint16_t>(entry.valueBytes)};
  card->length = static_cast<uint32_t>(bytes);
  memcpy(card->bytes, &header, sizeof header);
  if (entry.idBytes > 0) memcpy(card->bytes + sizeof header, entry.id, entry.idBytes);
  if (entry.valueBytes > 0) memcpy(card->bytes + sizeof header + entry.idBytes, entry.value, entry.valueBytes);
  return true;
}

// Fills a free cell. kYield: it is not free.
template <typename IsAlive>
inline TableStatus fill_cell(Writer* writer, uint32_t cell, const Entry& entry, IsAlive isAlive) {
  return change_bucket(writer, cell, [&](Card* card) {
    EntryHeader header;
    CellState state = entry_in(writer->ring, *card, &header);
    if (state == CellState::kDamaged) return TableStatus::kCorrupt;
    bool isTaken = state == CellState::kEntry &&
                   (is_own(*writer, entry.incarnation, header) || isAlive(header.node, header.incarnation));
    if (isTaken) return TableStatus::kYield;
    return set_entry(*writer, entry, card) ? TableStatus::kDone : TableStatus::kTooLarge;
  });
}

// Replaces the entry in a cell of this process. kNone: the cell has no entry of it.
inline TableStatus change_cell(Writer* writer, uint32_t cell, const Entry& entry) {
  return change_bucket(writer, cell, [&](Card* card) {
    EntryHeader header;
    CellState state = entry_in(writer->ring, *card, &header);
    if (state == CellState::kDamaged) return TableStatus::kCorrupt;
    bool isOwn = state == CellState::kEntry && is_own(*writer, entry.incarnation, header);
    if (!isOwn) return TableStatus::kNone;
    return set_entry(*writer, entry, card) ? TableStatus::kDone : TableStatus::kTooLarge;
  });
}

// Empties a cell of this process. kNone: the cell has no entry of it.
inline TableStatus empty_cell(Writer* writer, uint32_t cell, uint64_t incarnation) {
  return change_bucket(writer, cell, [&](Card* card) {
    EntryHeader header;
    CellState state = entry_in(writer->ring, *card, &header);
    if (state == CellState::kDamaged) return TableStatus::kCorrupt;
    if (state == CellState::kEmpty || !is_own(*writer, incarnation, header)) return TableStatus::kNone;
    card->length = 0;
    return TableStatus::kDone;
  });
}

// Fills the first free cell from `*cell` on, around the end, and stores its number there. kFull: none is free.
template <typename IsAlive>
inline TableStatus add_entry(Writer* writer, uint32_t* cell, const Entry& entry, IsAlive isAlive) {
  const Ring& ring = writer->ring;
  for (uint32_t passed = 0; passed <= ring.mask; passed++) {
    uint32_t next = (*cell + passed) & ring.mask;
    TableStatus status = fill_cell(writer, next, entry, isAlive);
    // A damaged cell is passed: it holds no entry that could be lost.
    if (status == TableStatus::kYield || status == TableStatus::kCorrupt) continue;
    *cell = next;
    return status;
  }
  return TableStatus::kFull;
}

// Copies a cell that has another stamp than `*stamp`, and stores its stamp there. False: it has not changed, or cannot
// be read. kEmpty and kDamaged say that it has no entry; a dead owner is the caller's to recognize.
inline bool read_change(const Ring& ring, uint32_t cell, uint64_t* stamp, Card* card, EntryHeader* header,
                        CellState* state) {
  if (!has_changed(ring, cell, *stamp)) return false;
  *state = read_card(ring, cell, card) ? entry_in(ring, *card, header) : CellState::kDamaged;
  bool isOther = lap_in(card->word) != *stamp;
  *stamp = lap_in(card->word);
  return isOther;
}

}  // namespace orbit
