// The calls of rings: open, publish and poll.
#include "c/handles.h"
#include "protocol/cursor.h"
#include "protocol/latest.h"

namespace orbit {

namespace {

constexpr char kReservedPrefix[] = "orbit.";
constexpr uint32_t kDefaultCapacity = 1024, kDefaultPayloadBytes = 256;

// The fingerprint of a pod: FNV-1a of its text, and never 0, which is that of bytes.
uint64_t fingerprint_of(const std::string& text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (char byte : text) hash = (hash ^ static_cast<uint8_t>(byte)) * 0x100000001b3;
  return hash == 0 ? 1 : hash;
}

// The most bytes of payload that cost no more memory than so many.
uint32_t room_for(uint32_t bytes) {
  uint64_t room = align_line(sizeof(ChunkHeader) + uint64_t{bytes}) - sizeof(ChunkHeader);
  return static_cast<uint32_t>(room < kMaxPayloadBytes ? room : kMaxPayloadBytes);
}

uint32_t kind_of(Fleet& fleet, int32_t kind, const std::string& name) {
  if (kind == ORBIT_KIND_OF_NAME) {
    if (name.rfind(kReservedPrefix, 0) != 0) return static_cast<uint32_t>(fleet.named_kind(name));
    refuse_range("name=\"" + name + "\" must not begin with \"orbit.\", or must have a kind");
  }
  if (kind >= 0 && kind < static_cast<int32_t>(kFirstNamedKind)) return static_cast<uint32_t>(kind);
  refuse_range("kind=" + std::to_string(kind) + " must be in 0.." + std::to_string(kFirstNamedKind - 1) +
               ", or ORBIT_KIND_OF_NAME");
}

struct CheckedType {
  explicit CheckedType(const orbit_type& type) : name(require_text("name", type.name, kTypeNameBytes)) {
    uint32_t least = type.pod == nullptr ? 0 : type.pod_bytes;
    spec.capacity = type.capacity == 0 ? kDefaultCapacity : type.capacity;
    require_range("capacity", spec.capacity, 1, kMaxCapacity);
    require_power("capacity", spec.capacity);
    require_range("pod_bytes", type.pod_bytes, 0, type.pod == nullptr ? 0 : kMaxPayloadBytes);
    uint32_t usual = type.pod == nullptr ? kDefaultPayloadBytes : room_for(type.pod_bytes);
    spec.payloadBytes = type.payload_bytes == 0 ? usual : type.payload_bytes;
    require_range("payload_bytes", spec.payloadBytes, least, kMaxPayloadBytes);
    memcpy(spec.typeName, name.data(), name.size());
    if (type.pod != nullptr) take_pod(require_text("pod", type.pod, size_t{1} << 20));
    shape.bytes = type.pod_bytes;
  }
  void take_pod(std::string text) {
    if (text.front() != '{' || text.back() != '}') refuse_range("pod=\"" + text.substr(0, 80) + "\" must be {...}");
    spec.fingerprint = fingerprint_of(text);
    text.pop_back();  // fields can be added behind the last one
    schema = std::move(text);
    if (schema.size() <= kMaxSchemaBytes) spec.schemaBytes = static_cast<uint32_t>(schema.size());
    spec.schema = schema.data();
  }
  std::string name, schema;
  RingSpec spec;
  PodShape shape;
};

}  // namespace

}  // namespace orbit

int orbit_ring_open(orbit_fleet* fleet, const orbit_type* type, orbit_ring** ring) {
  return orbit::guarded([&] {
    orbit::require_pointer(ring, "ring");
    *ring = nullptr;
    orbit::require_open(fleet);
    orbit::require_pointer(type, "type");
    orbit::require_struct(type->struct_bytes, sizeof *type, "type");
    orbit::CheckedType checked(*type);
    checked.spec.typeKind = orbit::kind_of(*fleet->fleet, type->kind, checked.name);
    auto handle = std::make_unique<orbit_ring>();
    handle->fleet = fleet;
    handle->opened = fleet->fleet->open_ring(checked.spec, {}, checked.shape);
    if (type->pod != nullptr) handle->exactBytes = type->pod_bytes;
    fleet->rings.push_back(std::move(handle));
    *ring = fleet->rings.back().get();
    return ORBIT_OK;
  });
}

uint32_t orbit_ring_payload_bytes(const orbit_ring* ring) {
  return ring == nullptr ? 0 : ring->opened->writer.ring.spec.payloadBytes;
}

int orbit_ring_publish(orbit_ring* ring, const void* payload, size_t bytes, uint64_t version, uint8_t frame_kind,
                       uint64_t* position) {
  return orbit::guarded([&] {
    orbit::require_open(ring);
    if (bytes > 0) orbit::require_pointer(payload, "payload");
    orbit::require_range("version", version, 0, orbit::kMostExact);
    bool isExact = ring->exactBytes < 0 || static_cast<uint64_t>(ring->exactBytes) == bytes;
    if (!isExact || bytes > orbit_ring_payload_bytes(ring)) {
      std::string most = isExact ? "at most " + std::to_string(orbit_ring_payload_bytes(ring))
                                 : std::to_string(ring->exactBytes) + ", the bytes of its pod";
      throw orbit::Failure("ERR_ORBIT_PAYLOAD_SIZE", "bytes=" + std::to_string(bytes) + " must be " + most);
    }
    uint64_t published = 0;
    orbit::RingStatus status =
        orbit::publish(&ring->opened->writer, payload, static_cast<uint32_t>(bytes), frame_kind, version, &published);
    if (status != orbit::RingStatus::kOk) orbit::refuse_status(status, *ring->opened);
    const orbit::Writer& writer = ring->opened->writer;
    if (writer.ring.latest != nullptr) {
      orbit::note_latest(writer, ring->opened->fleet->incarnation(), published, payload, static_cast<uint32_t>(bytes));
    }
    orbit::wake(ring->opened);
    if (position != nullptr) *position = published;
    return ORBIT_OK;
  });
}

int orbit_ring_head(orbit_ring* ring, uint64_t* position) {
  return orbit::guarded([&] {
    orbit::require_open(ring);
    orbit::require_pointer(position, "position");
    orbit::require_kept(*ring->opened);
    *position = orbit::head_of(ring->opened->writer.ring);
    return ORBIT_OK;
  });
}

int orbit_ring_oldest(orbit_ring* ring, uint64_t* position) {
  return orbit::guarded([&] {
    orbit::require_open(ring);
    orbit::require_pointer(position, "position");
    orbit::require_kept(*ring->opened);
    *position = orbit::oldest_of(ring->opened->writer.ring, orbit::head_of(ring->opened->writer.ring));
    return ORBIT_OK;
  });
}

int orbit_ring_poll(orbit_ring* ring, uint64_t* position, orbit_record* record, void* payload, size_t room) {
  return orbit::guarded([&] {
    orbit::require_open(ring);
    orbit::require_pointer(position, "position");
    orbit::require_pointer(record, "record");
    uint32_t needed = orbit_ring_payload_bytes(ring);
    if (needed > 0) orbit::require_pointer(payload, "payload");
    orbit::require_range("room", room, needed, SIZE_MAX);
    orbit::require_kept(*ring->opened);
    *record = {};
    uint8_t nothing;
    auto into = [&](uint32_t) -> void* { return payload == nullptr ? &nothing : payload; };
    auto keep = [&](const orbit::Frame& frame) {
      record->position = frame.position;
      record->version = frame.version;
      record->node = frame.node;
      record->length = frame.length;
      record->frame_kind = frame.frameKind;
      return orbit::Verdict::kKeep;
    };
    orbit::Poll poll = orbit::poll_frames(ring->opened->writer.ring, *position, 1, false, into, keep);
    record->lost = poll.lost;
    record->malformed = poll.malformed;
    *position = poll.to;
    return poll.count == 1 ? ORBIT_OK : ORBIT_NOTHING;
  });
}
