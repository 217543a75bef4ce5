#include "sim/ringscene.h"

#include <stdio.h>
#include <string.h>

using namespace orbit;

namespace sim {

uint64_t Bell::touch(Kind kind, Order order, uint64_t operand) const {
  static const Site kSite = Site::unlisted("bell");
  Access access;
  access.kind = kind;
  access.order = order;
  access.address = signals_;
  access.operand = operand;
  access.site = &kSite;
  return simulator.perform(access).result;
}

RingScene::RingScene(Numbers* numbers)
    : Scene(numbers),
      capacity(numbers->count("capacity", 1)),
      payloadBytes(numbers->count("payload", 8)),
      nodes(numbers->count("nodes", 2)),
      before(numbers->count("before", 0)),
      staleHint(numbers->take("hint", -1)) {}

RingSpec RingScene::spec() const {
  RingSpec spec;
  spec.typeKind = kTypeKind;
  spec.capacity = capacity;
  spec.payloadBytes = payloadBytes;
  spec.fleetSize = nodes;
  return spec;
}

void RingScene::set_up() {
  RingSpec object = spec();
  void* base = simulator.allocate(ring_bytes(object));
  format_slots(base, object, 0);
  finish_object(static_cast<ObjectHeader*>(base));
  SIM_CHECK(attach_slots(base, ring_bytes(object), &ring) == AttachStatus::kOk);
  bell.set_up();
  state = State();
  for (uint32_t node = 0; node < nodes; node++) {
    SIM_CHECK(become_writer(ring, node, &state.writers[node]) == RingStatus::kOk);
  }
  publish(0, before);
  if (staleHint >= 0) store_relaxed(&ring.header->hint, static_cast<uint64_t>(staleHint));
  prepare();
  initial_ = state;
}

void RingScene::start() {
  state = initial_;
  start_threads();
}

// ---- publishing ----------------------------------------------------------------------------------------------------

void RingScene::publish_one(uint32_t node) {
  uint32_t frame = state.published[node];
  uint64_t version = version_of(node, frame), position = ~uint64_t{0};
  uint64_t payload[kMaxPayloadWords];
  for (uint32_t i = 0; i < payload_words(); i++) payload[i] = word_of(version, i);
  uint8_t kind = static_cast<uint8_t>(frame + 1);
  RingStatus status = orbit::publish(&state.writers[node], payload, payloadBytes, kind, version, &position);
  SIM_CHECK(status == RingStatus::kOk);
  state.positions[node][frame] = position;
  state.published[node] = frame + 1;
}

uint64_t RingScene::check_frame(const Frame& frame, const uint64_t* payload) const {
  SIM_CHECK(frame.node < nodes);
  SIM_CHECK(frame.length == payloadBytes);
  uint64_t number = frame.version - version_of(frame.node, 0);
  SIM_CHECK(number < kMaxFrames && frame.frameKind == number + 1);
  for (uint32_t i = 0; i < payload_words(); i++) {
    uint64_t word = word_of(frame.version, i);
    uint32_t bytes = payloadBytes - i * 8 < 8 ? payloadBytes - i * 8 : 8;
    SIM_CHECK(memcmp(&payload[i], &word, bytes) == 0);
  }
  return frame.version;
}

void RingScene::note_seen(const Frame& frame, const uint64_t* payload) {
  uint64_t version = check_frame(frame, payload);
  SIM_CHECK(frame.position < kMaxPositions);
  uint64_t& seen = state.seen[frame.position];
  SIM_CHECK(seen == 0 || seen == version);
  seen = version;
}

// ---- what must hold ------------------------------------------------------------------------------------------------

void RingScene::check_chunks() const {
  uint64_t chunks = 0;
  auto mark = [&](uint64_t chunk) {
    SIM_CHECK(chunk < ring.chunkCount && (chunks >> chunk & 1) == 0);
    chunks |= uint64_t{1} << chunk;
  };
  for (uint32_t i = 0; i <= ring.mask; i++) mark(chunk_in(load_acquire(&ring.slots[i])));
  for (uint32_t node = 0; node < nodes; node++) mark(state.writers[node].hand);
}

void RingScene::check_hands() const {
  for (uint32_t node = 0; node < nodes; node++) {
    SIM_CHECK(load_acquire(&ring.entries[node].hand) == state.writers[node].hand);
    SIM_CHECK(load_acquire(&ring.entries[node].intentPosition) == 0);
  }
}

void RingScene::check_published(uint64_t total) const {
  bool taken[kMaxPositions] = {};
  for (uint32_t node = 0; node < nodes; node++) {
    for (uint32_t i = 0; i < state.published[node]; i++) {
      uint64_t position = state.positions[node][i];
      SIM_CHECK(position < total && !taken[position]);
      taken[position] = true;
    }
  }
  SIM_CHECK(head_of(ring) == total);
  check_chunks();
  check_hands();
}

void RingScene::check_seen() const {
  for (uint32_t node = 0; node < nodes; node++) {
    for (uint32_t i = 0; i < state.published[node]; i++) {
      uint64_t seen = state.seen[state.positions[node][i]];
      SIM_CHECK(seen == 0 || seen == version_of(node, i));
    }
  }
}

// ---- names ---------------------------------------------------------------------------------------------------------

namespace {

std::string numbered(const char* name, long index, const char* rest = "") {
  return std::string(name) + "[" + std::to_string(index) + "]" + rest;
}

std::string header_name(const RingHeader* header, const uint64_t* address) {
  const std::pair<const uint64_t*, const char*> kNames[] = {{&header->object.magic, "magic"},
                                                            {&header->object.retired, "retired"},
                                                            {&header->hint, "hint"},
                                                            {&header->tokens, "tokens"},
                                                            {&header->floor, "floor"},
                                                            {&header->burned, "burned"},
                                                            {&header->sparesTaken, "sparesTaken"},
                                                            {&header->sleeperGroups, "sleeperGroups"},
                                                            {&header->refused, "refused"}};
  for (const auto& [word, name] : kNames) {
    if (word == address) return name;
  }
  return "header word " + std::to_string(address - reinterpret_cast<const uint64_t*>(header));
}

std::string chunk_name(const Ring& ring, const uint64_t* address) {
  constexpr const char* kNames[] = {".id", ".version", ".shape"};
  long offset = reinterpret_cast<const uint8_t*>(address) - ring.chunks;
  long chunk = offset / static_cast<long>(ring.stride), word = offset % static_cast<long>(ring.stride) / 8;
  if (word < 3) return numbered("chunk", chunk, kNames[word]);
  return numbered("chunk", chunk) + numbered(".payload", word - 3);
}

}  // namespace

std::string RingScene::name_of(const uint64_t* address) const {
  constexpr const char* kEntryNames[] = {".hand", ".intentChunk", ".intentPosition", ".arm"};
  const uint64_t* entries = reinterpret_cast<const uint64_t*>(ring.entries);
  const uint8_t* byte = reinterpret_cast<const uint8_t*>(address);
  if (bell.is_at(address)) return "bell";
  if (byte < reinterpret_cast<const uint8_t*>(ring.header)) return "?";
  if (address < ring.sleepers) return header_name(ring.header, address);
  if (address < ring.slots) return numbered("sleepers", address - ring.sleepers);
  if (address < entries) return numbered("slot", address - ring.slots);
  if (address < ring.spares) return numbered("entry", (address - entries) / 8, kEntryNames[(address - entries) % 4]);
  if (byte < ring.chunks) return numbered("spare", address - ring.spares);
  if (byte < ring.chunks + ring.stride * ring.chunkCount) return chunk_name(ring, address);
  for (uint32_t i = 0; i < ring.spec.boxes; i++) {
    const BoxHeader& box = ring.boxes[i];
    if (address == &box.full) return numbered("box", i, ".full");
    if (address == &box.floor) return numbered("box", i, ".floor");
    if (address == &box.owner) return numbered("box", i, ".owner");
    if (address == &box.waiting) return numbered("box", i, ".waiting");
  }
  bool isProgress = address >= ring.progress && address < ring.progress + ring.spec.boxes * ring.spec.replies;
  return isProgress ? numbered("progress", address - ring.progress) : "?";
}

std::string RingScene::show(const uint64_t* address, uint64_t value) const {
  bool isSlot = address >= ring.slots && address <= ring.slots + ring.mask;
  if (isSlot) return "{lap " + std::to_string(lap_in(value)) + ", chunk " + std::to_string(chunk_in(value)) + "}";
  if (value < 1000000) return std::to_string(value);
  char text[32];
  snprintf(text, sizeof text, "%#llx", static_cast<unsigned long long>(value));
  return text;
}

}  // namespace sim
