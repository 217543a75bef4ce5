// The objects of a fleet: what they are called, and what may be wrong with one.
#pragma once

#include <stdio.h>
#include <unistd.h>

#include <string>

#include "posix/failure.h"
#include "posix/name.h"
#include "posix/store.h"
#include "protocol/ring.h"

namespace orbit {

inline std::string hex(uint64_t value) {
  char text[19];
  snprintf(text, sizeof text, "0x%016llx", static_cast<unsigned long long>(value));
  return text;
}

[[noreturn]] inline void refuse(AttachStatus status, const Mapping& mapping, const std::string& object) {
  const ObjectHeader* header = static_cast<const ObjectHeader*>(mapping.base);
  if (status == AttachStatus::kForeign) {
    throw Failure("ERR_ORBIT_LAYOUT_MISMATCH", object + ": magic=" + hex(header->magic) + " is not " + hex(kMagic));
  }
  if (status == AttachStatus::kOtherVersion) {
    throw Failure("ERR_ORBIT_LAYOUT_MISMATCH", object + ": layoutVersion=" + std::to_string(version_of(header)) +
                                                   " is not " + std::to_string(kLayoutVersion));
  }
  std::string message = object + ": bytes=" + std::to_string(mapping.length);
  if (mapping.length < sizeof(ObjectHeader)) throw Failure("ERR_ORBIT_CORRUPT", message + " is too short");
  throw Failure("ERR_ORBIT_CORRUPT",
                message + " does not agree with its header: objectType=" + std::to_string(type_of(header)) +
                    " objectBytes=" + std::to_string(header->objectBytes));
}

inline bool is_retired_object(const Mapping& mapping) {
  return check_object(mapping.base, mapping.length) == AttachStatus::kOk &&
         load_acquire(&static_cast<const ObjectHeader*>(mapping.base)->retired) != 0;
}

inline uint64_t* kind_word(FleetHeader* header, uint32_t kind) { return &header->kinds[kind / 64]; }
inline uint64_t kind_bit(uint32_t kind) { return uint64_t{1} << (kind % 64); }

}  // namespace orbit
