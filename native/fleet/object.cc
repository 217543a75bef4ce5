#include "fleet/object.h"

#include <stdio.h>
#include <string.h>

namespace orbit {

namespace {

// A name in shared memory may lack its NUL.
std::string name_in(const char (&text)[kTypeNameBytes]) { return std::string(text, strnlen(text, kTypeNameBytes)); }

const char* noun_of(const RingSpec& spec) {
  switch (spec.objectType) {
    case kTableObject:
      return "table";
    case kInboxObject:
      return "inbox";
    case kCountersObject:
      return "table of counters";
    default:
      return "ring";
  }
}
const char* article_of(const RingSpec& spec) { return spec.objectType == kInboxObject ? "an " : "a "; }

// Of a ring or table; of an inbox object that of one box.
uint32_t own_capacity(const RingSpec& spec) {
  return spec.objectType == kInboxObject ? spec.capacity / spec.boxes - spec.replies : spec.capacity;
}

[[noreturn]] void refuse_difference(const std::string& object, const std::string& wanted, const std::string& found,
                                    const std::string& noun, const std::string& advice) {
  throw Failure("ERR_ORBIT_TYPE_MISMATCH",
                object + ": " + wanted + " was asked for, the existing " + noun + " has " + found + ": " + advice);
}

void require_equal(const std::string& object, const RingSpec& found, const char* what, const std::string& there,
                   const std::string& here) {
  if (there == here) return;
  std::string noun = noun_of(found);
  refuse_difference(object, std::string(what) + "=" + here, there, noun, "ask for the same, or remove the " + noun);
}

void require_equal(const std::string& object, const RingSpec& found, const char* what, uint32_t there, uint32_t here) {
  require_equal(object, found, what, std::to_string(there), std::to_string(here));
}

// The text of a pod as it can be shown: another process may have written any bytes, and any number of them.
std::string printable(const std::string& text) {
  constexpr size_t kMaxShown = 400;
  std::string shown = text.substr(0, kMaxShown);
  for (char& byte : shown) {
    if (byte < ' ' || byte > '~') byte = '?';
  }
  return text.size() > kMaxShown ? shown + "..." : shown + "}";
}

// The field at which two texts of pods begin to differ, as `one` has it. A nested pod is part of its field.
std::string first_difference(const std::string& one, const std::string& other) {
  auto ends_field = [](char byte) { return byte == ',' || byte == '}'; };
  size_t begin = 1, at = 0;
  int depth = 0;
  auto step = [&](char byte) { depth += (byte == '{' || byte == '[') - (byte == '}' || byte == ']'); };
  for (; at < one.size() && at < other.size() && one[at] == other[at]; at++) {
    step(one[at]);
    if (depth == 1 && one[at] == ',') begin = at + 1;
  }
  bool isAppended = depth == 1 && at < one.size() && at < other.size() && ends_field(one[at]) && ends_field(other[at]);
  if (isAppended && one[at] == '}') return "its end";
  if (isAppended) begin = at + 1;
  size_t end = begin;
  for (depth = 1; end < one.size() && !(depth == 1 && ends_field(one[end])); end++) step(one[end]);
  return one.substr(begin, end - begin);
}

constexpr const char* kMakeAnew =
    "use another type name and KIND for the new pod, or remove the ring when no member uses it";

// Says why the fields that the caller's pod has more than the ring cannot be added.
[[noreturn]] void refuse_fields(const std::string& object, const Ring& found, const std::string& text,
                                const RingSpec& wanted, const PodShape& pod) {
  std::string more = object + ": the pod has fields that the existing ring lacks: ";
  auto throw_with = [&](const std::string& reason) { throw Failure("ERR_ORBIT_TYPE_MISMATCH", more + reason); };
  if (pod.bytes > found.spec.payloadBytes) {
    uint32_t bytes = 0;
    for (const auto& prefix : pod.prefixes) {
      if (prefix.schemaBytes == text.size()) bytes = prefix.bytes;
    }
    throw_with("it takes " + std::to_string(pod.bytes) + " bytes, and a frame of the ring has room for " +
               std::to_string(found.spec.payloadBytes) +
               ": pod(fields, { reserve: " + std::to_string(pod.bytes - bytes) +
               " }) in the release that made the ring would have left room; " + kMakeAnew);
  }
  if (wanted.schemaBytes > found.spec.schemaRoom) {
    throw_with("their names take " + std::to_string(wanted.schemaBytes) + " bytes, and the ring has room for " +
               std::to_string(found.spec.schemaRoom) + ": " + kMakeAnew);
  }
  throw_with("an observer cannot add them: use the pod of the existing ring, or start a member with the new pod first");
  __builtin_unreachable();
}

// A pod as far as it is known: a long one has left only its fingerprint.
std::string pod_text(const RingSpec& spec, const std::string& text) {
  if (spec.fingerprint == 0) return "no pod";
  return spec.schemaBytes == 0 ? "a pod with fingerprint=" + hex(spec.fingerprint) : "pod=" + printable(text);
}

// Names the first field that differs, and shows both pods.
void require_pod(const std::string& object, const Ring& found, const RingSpec& wanted, const PodShape& pod) {
  if (!have_texts(found.spec, wanted)) {
    if (found.spec.fingerprint == wanted.fingerprint) return;
    std::string own = pod_text(wanted, {wanted.schema, wanted.schemaBytes});
    throw Failure("ERR_ORBIT_TYPE_MISMATCH", object + ": " + own + " was asked for, the existing ring has " +
                                                 pod_text(found.spec, schema_text(found)) + ": " + kMakeAnew);
  }
  std::string text = schema_text(found), own(wanted.schema, wanted.schemaBytes);
  PodMatch match = match_pods(wanted.schema, wanted.schemaBytes, text.data(), static_cast<uint32_t>(text.size()));
  if (match == PodMatch::kSame || match == PodMatch::kShorter) return;
  if (match == PodMatch::kLonger) refuse_fields(object, found, text, wanted, pod);
  std::string there = printable(text), here = printable(own);
  throw Failure("ERR_ORBIT_TYPE_MISMATCH", object + ": the pods differ at " + first_difference(here, there) +
                                               ", where the existing ring has " + first_difference(there, here) +
                                               ": pod=" + here + " was asked for, the existing ring has " + there +
                                               ": only fields behind the last one can be added; " + kMakeAnew);
}

}  // namespace

std::string hex(uint64_t value) {
  char text[19];
  snprintf(text, sizeof text, "0x%016llx", static_cast<unsigned long long>(value));
  return text;
}

void refuse(AttachStatus status, const Mapping& mapping, const std::string& object) {
  const ObjectHeader* header = static_cast<const ObjectHeader*>(mapping.base);
  if (status == AttachStatus::kForeign) {
    throw Failure("ERR_ORBIT_LAYOUT_MISMATCH",
                  object + ": magic=" + hex(header->magic) + " is not " + hex(kMagic) + ": another program made it");
  }
  if (status == AttachStatus::kOtherVersion) {
    throw Failure("ERR_ORBIT_LAYOUT_MISMATCH",
                  object + ": layoutVersion=" + std::to_string(version_of(header)) + " is not " +
                      std::to_string(kLayoutVersion) +
                      ": another release of orbit-node made it; use one release in all processes");
  }
  std::string message = object + ": bytes=" + std::to_string(mapping.length);
  if (mapping.length < sizeof(ObjectHeader)) {
    throw Failure("ERR_ORBIT_CORRUPT",
                  message + " is too short for a header of " + std::to_string(sizeof(ObjectHeader)) + " bytes");
  }
  throw Failure("ERR_ORBIT_CORRUPT",
                message + " does not agree with its header: objectType=" + std::to_string(type_of(header)) +
                    " objectBytes=" + std::to_string(load_relaxed(&header->objectBytes)));
}

void refuse_living_version(const Mapping& mapping, const std::string& object) {
  uint32_t version = version_of(static_cast<const ObjectHeader*>(mapping.base));
  throw Failure("ERR_ORBIT_LAYOUT_MISMATCH",
                object + ": layoutVersion=" + std::to_string(version) + " is not " + std::to_string(kLayoutVersion) +
                    ": living processes use it with another release of orbit-node; stop them all before this release " +
                    "starts, or use another fleet name");
}

void refuse_retired(const std::string& object) {
  throw Failure("ERR_ORBIT_RETIRED", object + ": was removed: join again");
}

void require_size(const std::string& object, uint32_t found, uint32_t wanted) {
  if (found == wanted) return;
  refuse_difference(object, "size=" + std::to_string(wanted), std::to_string(found), "fleet",
                    "join with the same size or none, or remove the fleet");
}

void require_own(const std::string& object, const RingSpec& found, uint32_t kind, uint64_t fleetId,
                 uint32_t fleetSize) {
  require_equal(object, found, "kind", found.typeKind, kind);
  if (found.fleetId != fleetId) {
    throw Failure("ERR_ORBIT_TYPE_MISMATCH", object + ": fleetId=" + hex(found.fleetId) + " is not " + hex(fleetId) +
                                                 ": left by a fleet that is gone; remove it");
  }
  require_equal(object, found, "fleetSize", found.fleetSize, fleetSize);
}

std::string schema_text(const Ring& ring) {
  std::string text(schema_bytes(ring), '\0');
  copy_schema(ring, text.data(), static_cast<uint32_t>(text.size()));
  return text;
}

bool can_add_fields(const Ring& ring, const std::string& text, const RingSpec& wanted, const PodShape& pod) {
  return match_pods(wanted.schema, wanted.schemaBytes, text.data(), static_cast<uint32_t>(text.size())) ==
             PodMatch::kLonger &&
         pod.bytes <= ring.spec.payloadBytes && wanted.schemaBytes <= ring.spec.schemaRoom;
}

bool takes_pod(const Ring& ring, const RingSpec& wanted, const PodShape& pod) {
  if (!have_texts(ring.spec, wanted)) return ring.spec.fingerprint == wanted.fingerprint;
  std::string text = schema_text(ring);
  PodMatch match = match_pods(wanted.schema, wanted.schemaBytes, text.data(), static_cast<uint32_t>(text.size()));
  if (match == PodMatch::kSame || match == PodMatch::kShorter) return true;
  return can_add_fields(ring, text, wanted, pod);
}

void require_same(const std::string& object, const Ring& ring, const RingSpec& wanted, const PodShape& pod) {
  const RingSpec& found = ring.spec;
  if (found.objectType != wanted.objectType) {
    throw Failure("ERR_ORBIT_TYPE_MISMATCH",
                  object + ": " + article_of(wanted) + noun_of(wanted) + " was asked for, the existing object is " +
                      article_of(found) + noun_of(found) + ": use another kind, or remove the " + noun_of(found));
  }
  require_equal(object, found, "name", name_in(found.typeName), name_in(wanted.typeName));
  require_pod(object, ring, wanted, pod);
  require_equal(object, found, "instances", found.boxes, wanted.boxes);
  require_equal(object, found, "replies", found.replies, wanted.replies);
  require_equal(object, found, "capacity", own_capacity(found), own_capacity(wanted));
  require_equal(object, found, "payloadBytes", found.payloadBytes, wanted.payloadBytes);
}

bool is_retired_object(const Mapping& mapping) {
  return check_object(mapping.base, mapping.length) == AttachStatus::kOk &&
         load_acquire(&static_cast<const ObjectHeader*>(mapping.base)->retired) != 0;
}

}  // namespace orbit
