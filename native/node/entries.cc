// The calls of entries: entries.h for JavaScript. All are hot calls.
//
// JavaScript writes id and value into the scratch at kFirstRecord, back to back.
#include "protocol/entries.h"

#include "node/call.h"

namespace orbit {

namespace {

struct EntryCall : Call {
  EntryCall(napi_env environment, napi_callback_info info) : Call(environment, info) {}
  auto is_alive() const {
    return [fleet = opened->fleet](uint32_t node, uint64_t incarnation) { return fleet->is_alive(node, incarnation); };
  }
  // TypeScript has checked that both are in the scratch.
  Entry entry(size_t idArgument, size_t valueArgument) const {
    const uint8_t* text = addon->scratch + kFirstRecord;
    uint32_t idBytes = u32(idArgument);
    return {opened->fleet->incarnation(), text, idBytes, text + idBytes, u32(valueArgument)};
  }
  napi_value table_status(TableStatus status) const {
    return number(status == TableStatus::kFull ? kStatusFull : static_cast<double>(status));
  }
  // 1: the cell was changed; 0: it has no entry of this process.
  napi_value changed(TableStatus status) const {
    if (status == TableStatus::kNone) return number(0);
    if (status != TableStatus::kDone) return table_status(status);
    wake(opened);
    return number(1);
  }
  bool has_cell(size_t index) const { return u32(index) <= ring().mask; }
};

// entryAdd(table, start, idBytes, valueBytes) -> the cell that has the entry now; or a status
napi_value add_call(napi_env env, napi_callback_info info) {
  EntryCall call(env, info);
  if (int32_t status = refusal(call)) return call.status(status);
  uint32_t cell = call.u32(1);
  TableStatus status = add_entry(&call.opened->writer, &cell, call.entry(2, 3), call.is_alive());
  if (status != TableStatus::kDone) return call.table_status(status);
  wake(call.opened);
  return call.number(cell);
}

// entryChange(table, cell, idBytes, valueBytes) -> 1: changed; 0: the cell has no entry of this process; or a status
napi_value change_call(napi_env env, napi_callback_info info) {
  EntryCall call(env, info);
  if (int32_t status = refusal(call)) return call.status(status);
  if (!call.has_cell(1)) return call.number(0);
  return call.changed(change_cell(&call.opened->writer, call.u32(1), call.entry(2, 3)));
}

// entryRemove(table, cell) -> 1: removed; 0: the cell has no entry of this process; or a status
napi_value remove_call(napi_env env, napi_callback_info info) {
  EntryCall call(env, info);
  if (int32_t status = refusal(call)) return call.status(status);
  if (!call.has_cell(1)) return call.number(0);
  return call.changed(empty_cell(&call.opened->writer, call.u32(1), call.opened->fleet->incarnation()));
}

// entriesChanged(table, from, stamps) -> how many EntryRecords are in the scratch: the cells from `from` on with
// another stamp than in `stamps`, 8 bytes for each cell, which are brought up to date. results.to: where to go on;
// behind the last cell when all were looked at. Or a status. The entry of a dead owner is left out, as no entry.
napi_value changed_call(napi_env env, napi_callback_info info) {
  EntryCall call(env, info);
  if (int32_t status = unreadable(call)) return call.status(status);
  const Ring& ring = call.ring();
  size_t bytes = 0;
  uint8_t* stamps = const_cast<uint8_t*>(call.bytes(2, &bytes));
  uint64_t cells = uint64_t{ring.mask} + 1;
  if (stamps == nullptr || bytes < cells * sizeof(uint64_t)) return call.number(0);
  size_t at = kFirstRecord;
  uint32_t count = 0;
  uint64_t cell = call.u32(1);
  for (; cell < cells; cell++) {
    if (call.addon->scratchBytes - at < sizeof(EntryRecord) + card_room(ring) + 8) break;
    uint64_t stamp;
    memcpy(&stamp, stamps + cell * sizeof stamp, sizeof stamp);
    Card card;
    EntryHeader header = {};
    CellState state;
    if (!read_change(ring, static_cast<uint32_t>(cell), &stamp, &card, &header, &state)) continue;
    memcpy(stamps + cell * sizeof stamp, &stamp, sizeof stamp);
    bool lives = state == CellState::kEntry && call.opened->fleet->is_alive(header.node, header.incarnation);
    EntryRecord record = {number_of(header.incarnation), static_cast<uint32_t>(cell), header.node,
                          lives ? header.idBytes : uint32_t{0}, lives ? header.valueBytes : uint32_t{0}};
    memcpy(call.addon->scratch + at, &record, sizeof record);
    at += sizeof record;
    memcpy(call.addon->scratch + at, card.bytes + sizeof header, record.idBytes + record.valueBytes);
    at += (record.idBytes + record.valueBytes + 7) & ~uint32_t{7};
    count++;
  }
  call.addon->results()->to = static_cast<double>(cell);
  return call.number(count);
}

}  // namespace

bool export_entry_calls(napi_env env, napi_value exports, Addon* addon) {
  return export_hot_calls(env, exports, addon,
                          {{"entryAdd", add_call},
                           {"entryChange", change_call},
                           {"entryRemove", remove_call},
                           {"entriesChanged", changed_call}});
}

}  // namespace orbit
