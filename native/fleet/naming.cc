// Gives KINDs to names.
#include "fleet/fleet.h"
#include "fleet/object.h"
#include "posix/failure.h"
#include "posix/fault.h"
#include "protocol/names.h"

namespace orbit {

int32_t Fleet::named_kind(const std::string& name) {
  uint32_t bytes = static_cast<uint32_t>(name.size());
  if (bytes == 0 || bytes > kTypeNameBytes) return -1;
  KindName* names = header()->names;
  int32_t found = find_name(names, name.data(), bytes);
  if (found < 0 && writable_) {
    require_current();
    MembershipLock lock(*store_, *mapping_, waitMs_);
    if (is_gone()) refuse_retired(fleet_object(name_));
    found = find_name(names, name.data(), bytes);
    if (found < 0) found = fill_name(name);
  }
  return found < 0 ? -1 : static_cast<int32_t>(kFirstNamedKind) + found;
}

int32_t Fleet::fill_name(const std::string& name) {
  KindName* names = header()->names;
  int32_t index = free_name(names);
  if (index < 0) {
    throw Failure("ERR_ORBIT_KINDS_FULL",
                  fleet_object(name_) + ": all " + std::to_string(kNamedKinds) +
                      " KINDs for names are in use: give types a KIND of their own, use namespaces of one cache or " +
                      "topics of one bus, or another fleet; a name keeps its KIND until the fleet ends");
  }
  fault_point("name:found");
  store_name(&names[index], name.data(), static_cast<uint32_t>(name.size()));
  return index;
}

std::string Fleet::name_of_kind(uint32_t kind) const {
  if (kind < kFirstNamedKind || kind >= kFirstNamedKind + kNamedKinds) return "";
  const KindName* entry = &header()->names[kind - kFirstNamedKind];
  std::string name(name_bytes(entry), '\0');
  copy_name(entry, name.data(), static_cast<uint32_t>(name.size()));
  return name;
}

}  // namespace orbit
