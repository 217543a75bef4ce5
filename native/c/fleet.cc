// The calls of fleets: join and close.
#include <unistd.h>

#include "c/handles.h"
#include "posix/clock.h"

namespace orbit {

namespace {

void require_fleet_name(const std::string& name) {
  for (char byte : name) {
    bool isLetter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
    if (isLetter || (byte >= '0' && byte <= '9') || byte == '.' || byte == '_' || byte == '-') continue;
    refuse_range("name=\"" + name + "\" must be 1..64 of letters, digits, '.', '_' and '-'");
  }
}

std::optional<Lifetime> lifetime_of(uint32_t wanted) {
  require_range("lifetime", wanted, ORBIT_LIFETIME_DEFAULT, ORBIT_LIFETIME_PERSISTENT);
  if (wanted == ORBIT_LIFETIME_DEFAULT) return std::nullopt;
  return wanted == ORBIT_LIFETIME_FLEET ? Lifetime::kFleet : Lifetime::kPersistent;
}

JoinOptions join_options(const char* name, const orbit_join_options& options) {
  JoinOptions join;
  join.name = require_text("name", name, 64);
  require_fleet_name(join.name);
  require_range("size", options.size, 0, kMaxFleetSize);
  require_range("timeout_ms", options.timeout_ms, 0, INT32_MAX);
  require_range("takes_node", options.takes_node, 0, 1);
  if (options.takes_node != 0) {
    require_range("node", options.node, 0, (options.size != 0 ? options.size : kMaxFleetSize) - 1);
    join.node = options.node;
  }
  join.size = options.size;
  join.label = options.label == nullptr ? "orbit.h" : std::string(options.label, strnlen(options.label, kLabelBytes));
  join.lifetime = lifetime_of(options.lifetime);
  join.startedAtMs = unix_ms();
  if (options.timeout_ms != 0) join.waitMs = static_cast<int>(options.timeout_ms);
  return join;
}

}  // namespace

}  // namespace orbit

int orbit_fleet_join(const char* name, const orbit_join_options* options, orbit_fleet** fleet) {
  return orbit::guarded([&] {
    orbit::require_pointer(fleet, "fleet");
    *fleet = nullptr;
    orbit::require_own();
    orbit_join_options wanted = {};
    if (options != nullptr) {
      orbit::require_struct(options->struct_bytes, sizeof wanted, "options");
      wanted = *options;
    }
    auto handle = std::make_unique<orbit_fleet>();
    handle->fleet = orbit::Fleet::join(orbit::join_options(name, wanted));
    *fleet = handle.release();
    return ORBIT_OK;
  });
}

void orbit_fleet_close(orbit_fleet* fleet) {
  if (fleet == nullptr || orbit::is_forked()) return;  // only the parent can leave
  orbit::guarded([&] {
    if (fleet->bell >= 0) close(fleet->bell);
    fleet->fleet->close();
    return ORBIT_OK;
  });
  delete fleet;
}

uint32_t orbit_fleet_node(const orbit_fleet* fleet) { return fleet == nullptr ? 0 : fleet->fleet->node(); }
