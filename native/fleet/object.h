// The objects of a fleet: whether one may be used, and the error that says why not.
#pragma once

#include <string>
#include <vector>

#include "posix/failure.h"
#include "posix/name.h"
#include "posix/store.h"
#include "protocol/ring.h"
#include "protocol/schema.h"

namespace orbit {

std::string hex(uint64_t value);

// Throws what `status`, anything but kOk, says of an object.
[[noreturn]] void refuse(AttachStatus status, const Mapping& mapping, const std::string& object);
// Throws ERR_ORBIT_LAYOUT_MISMATCH for an object of another layout version that living processes use.
[[noreturn]] void refuse_living_version(const Mapping& mapping, const std::string& object);
// Throws ERR_ORBIT_RETIRED.
[[noreturn]] void refuse_retired(const std::string& object);

// Throws ERR_ORBIT_TYPE_MISMATCH when a member asks for another size than the fleet has.
void require_size(const std::string& object, uint32_t found, uint32_t wanted);
// Throws ERR_ORBIT_TYPE_MISMATCH unless the ring is one of this fleet, of this KIND.
void require_own(const std::string& object, const RingSpec& found, uint32_t kind, uint64_t fleetId, uint32_t fleetSize);
// The lengths of a caller's pod; its text is in the RingSpec.
struct PodShape {
  struct Prefix {
    uint32_t schemaBytes, bytes;
  };
  uint32_t bytes = 0;
  std::vector<Prefix> prefixes;  // the pods of its first field, its first two, and so on
};

// Whether both specs have the text of a pod. Then the texts are compared, and otherwise the fingerprints.
inline bool have_texts(const RingSpec& one, const RingSpec& other) {
  return one.schemaBytes > 0 && other.schemaBytes > 0;
}
// The text of the ring's pod, without its closing brace.
std::string schema_text(const Ring& ring);
// Whether the ring has the fields of a caller's pod, or room for those that it lacks.
bool takes_pod(const Ring& ring, const RingSpec& wanted, const PodShape& pod);
// Whether the ring has the first fields of a caller's pod and room for the others.
bool can_add_fields(const Ring& ring, const std::string& text, const RingSpec& wanted, const PodShape& pod);

// Throws ERR_ORBIT_TYPE_MISMATCH unless both have the same type of object, name and geometry, and the ring has the
// fields of the caller's pod.
void require_same(const std::string& object, const Ring& found, const RingSpec& wanted, const PodShape& pod);

// Whether a fleet was removed.
inline bool retired(const FleetHeader* header) { return load_acquire(&header->object.retired) != 0; }
// Whether a ring or table was removed. Its name may still exist.
bool is_retired_object(const Mapping& mapping);

// True for a member that died, until its node has a new owner.
inline bool has_joined(const NodeRecord* record) { return load_acquire(&record->joined) != kNotJoined; }

inline uint64_t* kind_word(FleetHeader* header, uint32_t kind) { return &header->kinds[kind / 64]; }
inline uint64_t kind_bit(uint32_t kind) { return uint64_t{1} << (kind % 64); }

}  // namespace orbit
