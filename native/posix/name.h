// The names of the objects, bells and blobs of fleets.
//
//   /orbit-FLEET-fleet-UID             the fleet object
//   /orbit-FLEET-KIND-UID              a ring or a table
//   /orbit-FLEET-NODE-UID.bell         the bell of a node
//   /orbit-FLEET-NODE.NUMBER-UID.blob  a blob that a node has written
//
// Only FLEET may contain a dash, so every name can be read in one way only.
#pragma once

#include <stdint.h>

#include <string>
#include <vector>

namespace orbit {

enum class ObjectForm { kFleet, kRing, kBell, kBlob };

struct ObjectName {
  std::string fleet;
  ObjectForm form = ObjectForm::kFleet;
  uint32_t number = 0;  // the KIND of a ring or table, the node of a bell or a blob
  uint32_t uid = 0;
};

// A fleet of one user: the effective user of this process at the time when the FleetName was made. A process that
// changes its user later still means the same fleet.
struct FleetName {
  FleetName(std::string fleet);
  std::string text;
  uint32_t uid;
};

std::string fleet_object(const FleetName& fleet);
std::string ring_object(const FleetName& fleet, uint32_t kind);
std::string bell_object(const FleetName& fleet, uint32_t node);
std::string blob_object(const FleetName& fleet, uint32_t node, uint32_t number);

// The user in the name of an object.
uint32_t owner_of(const std::string& object);

// Reads the name of a file, without a slash. False: it is no name of an object, bell or blob.
bool parse_name(const std::string& file, ObjectName* name);

// The file of an object, bell or blob.
std::string path_of(const std::string& object);

struct ListedObject {
  std::string file;
  ObjectName name;
};
// The objects, bells and blobs of all users, in no order. Empty where there is no folder. Throws when it cannot be
// listed.
std::vector<ListedObject> list_objects();

}  // namespace orbit
