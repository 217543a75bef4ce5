#include "posix/name.h"

#include <dirent.h>
#include <errno.h>
#include <unistd.h>

#include "posix/failure.h"
#include "posix/folder.h"
#include "protocol/layout.h"

namespace orbit {

namespace {

constexpr char kPrefix[] = "orbit-";
constexpr char kBellSuffix[] = ".bell";
constexpr char kBlobSuffix[] = ".blob";
constexpr char kFleetPart[] = "fleet";
constexpr size_t kMaxFleetNameBytes = 64;  // fleetNamePattern in TypeScript

std::string object_name(const FleetName& fleet, const std::string& part) {
  return "/" + std::string(kPrefix) + fleet.text + "-" + part + "-" + std::to_string(fleet.uid);
}

// Cuts the text behind the last dash off `text`. False: there is no dash.
bool cut_part(std::string* text, std::string* part) {
  size_t dash = text->rfind('-');
  if (dash == std::string::npos) return false;
  *part = text->substr(dash + 1);
  text->resize(dash);
  return true;
}

// A number as std::to_string writes it: 007 is none.
bool parse_number(const std::string& text, uint64_t max, uint32_t* number) {
  if (text.empty() || text.size() > 10 || text.find_first_not_of("0123456789") != std::string::npos) return false;
  uint64_t value = 0;
  for (char digit : text) value = value * 10 + static_cast<uint64_t>(digit - '0');
  *number = static_cast<uint32_t>(value);
  return value <= max && text == std::to_string(value);
}

// NODE.NUMBER
bool parse_blob(const std::string& part, uint32_t* node) {
  size_t dot = part.find('.');
  uint32_t number;
  return dot != std::string::npos && parse_number(part.substr(0, dot), kMaxFleetSize - 1, node) &&
         parse_number(part.substr(dot + 1), UINT32_MAX, &number);
}

bool is_fleet_name(const std::string& text) {
  constexpr char kAllowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
  return !text.empty() && text.size() <= kMaxFleetNameBytes && text.find_first_not_of(kAllowed) == std::string::npos;
}

// Cuts `suffix` off. False: the text does not end with it.
bool cut_suffix(std::string* text, const std::string& suffix) {
  if (text->size() < suffix.size() || text->compare(text->size() - suffix.size(), suffix.size(), suffix) != 0) {
    return false;
  }
  text->resize(text->size() - suffix.size());
  return true;
}

}  // namespace

FleetName::FleetName(std::string fleet) : text(std::move(fleet)), uid(geteuid()) {}

std::string fleet_object(const FleetName& fleet) { return object_name(fleet, kFleetPart); }
std::string ring_object(const FleetName& fleet, uint32_t kind) { return object_name(fleet, std::to_string(kind)); }
std::string bell_object(const FleetName& fleet, uint32_t node) {
  return object_name(fleet, std::to_string(node)) + kBellSuffix;
}

std::string blob_object(const FleetName& fleet, uint32_t node, uint32_t number) {
  return object_name(fleet, std::to_string(node) + "." + std::to_string(number)) + kBlobSuffix;
}

uint32_t owner_of(const std::string& object) {
  ObjectName name;
  return parse_name(object.substr(1), &name) ? name.uid : geteuid();
}

bool parse_name(const std::string& file, ObjectName* name) {
  if (file.compare(0, sizeof kPrefix - 1, kPrefix) != 0) return false;
  std::string rest = file.substr(sizeof kPrefix - 1), uid, part;
  bool isBell = cut_suffix(&rest, kBellSuffix), isBlob = !isBell && cut_suffix(&rest, kBlobSuffix);
  if (!cut_part(&rest, &uid) || !cut_part(&rest, &part) || !is_fleet_name(rest)) return false;
  if (!parse_number(uid, UINT32_MAX, &name->uid)) return false;
  name->fleet = rest;
  name->number = 0;
  if (isBlob) {
    name->form = ObjectForm::kBlob;
    return parse_blob(part, &name->number);
  }
  name->form = isBell ? ObjectForm::kBell : part == kFleetPart ? ObjectForm::kFleet : ObjectForm::kRing;
  return name->form == ObjectForm::kFleet || parse_number(part, isBell ? kMaxFleetSize - 1 : kMaxKind, &name->number);
}

std::string path_of(const std::string& object) { return objects_folder() + object; }

std::vector<ListedObject> list_objects() {
  std::vector<ListedObject> objects;
  DIR* folder = opendir(objects_folder().c_str());
  if (folder == nullptr) {
    if (errno == ENOENT) return objects;
    throw system_failure("opendir", errno, objects_folder() + " cannot be listed");
  }
  ObjectName name;
  while (const dirent* entry = readdir(folder)) {
    if (parse_name(entry->d_name, &name)) objects.push_back({entry->d_name, name});
  }
  closedir(folder);
  return objects;
}

}  // namespace orbit
