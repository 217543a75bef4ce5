// The errors of orbit.h: a status for each code, and the message of the last one.
#include <stdio.h>

#include <new>

#include "c/handles.h"

namespace {

struct Code {
  int status;
  const char* code;
};
constexpr Code kCodes[] = {
    {ORBIT_INVALID_ARGUMENT, "ERR_ORBIT_INVALID_ARGUMENT"},
    {ORBIT_OUT_OF_RANGE, "ERR_ORBIT_OUT_OF_RANGE"},
    {ORBIT_PAYLOAD_SIZE, "ERR_ORBIT_PAYLOAD_SIZE"},
    {ORBIT_CLOSED, "ERR_ORBIT_CLOSED"},
    {ORBIT_NODE_TAKEN, "ERR_ORBIT_NODE_TAKEN"},
    {ORBIT_FLEET_FULL, "ERR_ORBIT_FLEET_FULL"},
    {ORBIT_BUSY, "ERR_ORBIT_BUSY"},
    {ORBIT_RETIRED, "ERR_ORBIT_RETIRED"},
    {ORBIT_KINDS_FULL, "ERR_ORBIT_KINDS_FULL"},
    {ORBIT_NO_SPACE, "ERR_ORBIT_NO_SPACE"},
    {ORBIT_TABLE_FULL, "ERR_ORBIT_TABLE_FULL"},
    {ORBIT_NO_SPARE, "ERR_ORBIT_NO_SPARE"},
    {ORBIT_EXHAUSTED, "ERR_ORBIT_EXHAUSTED"},
    {ORBIT_PERMISSION, "ERR_ORBIT_PERMISSION"},
    {ORBIT_LAYOUT_MISMATCH, "ERR_ORBIT_LAYOUT_MISMATCH"},
    {ORBIT_TYPE_MISMATCH, "ERR_ORBIT_TYPE_MISMATCH"},
    {ORBIT_CORRUPT, "ERR_ORBIT_CORRUPT"},
    {ORBIT_SYSTEM, "ERR_ORBIT_SYSTEM"},
};

// Memory of their own: an error must be kept when none is left.
thread_local char lastMessage[1024];
thread_local int lastErrno;

std::string name_of(const orbit::OpenRing& opened) {
  const orbit::RingSpec& spec = opened.writer.ring.spec;
  return std::string(spec.typeName, strnlen(spec.typeName, orbit::kTypeNameBytes)) + " (kind " +
         std::to_string(spec.typeKind) + ")";
}

}  // namespace

const char* orbit_code(int status) {
  for (const Code& each : kCodes) {
    if (each.status == status) return each.code;
  }
  return "";
}
const char* orbit_message(void) { return lastMessage; }
int orbit_errno(void) { return lastErrno; }

namespace orbit {

int keep_error(const char* code, const char* message, int errnoValue) {
  snprintf(lastMessage, sizeof lastMessage, "%s", message);
  lastErrno = errnoValue;
  for (const Code& each : kCodes) {
    if (strcmp(each.code, code) == 0) return each.status;
  }
  return ORBIT_SYSTEM;
}

int keep_exception() {
  try {
    throw;
  } catch (const Failure& failure) {
    return keep_error(failure.code.c_str(), failure.what(), failure.errnoValue);
  } catch (const std::bad_alloc&) {
    return keep_error("ERR_ORBIT_NO_SPACE", "the process has no memory left", ENOMEM);
  } catch (const std::exception& error) {
    return keep_error("ERR_ORBIT_SYSTEM", error.what(), 0);
  } catch (...) {
    return keep_error("ERR_ORBIT_SYSTEM", "an unknown exception", 0);
  }
}

std::string require_text(const char* name, const char* text, size_t most) {
  require_pointer(text, name);
  size_t length = strnlen(text, most + 1);
  if (length >= 1 && length <= most) return std::string(text, length);
  std::string shown = length > most ? std::string(text, most < 80 ? most : 80) + "..." : "";
  refuse_range(std::string(name) + "=\"" + shown + "\" must have 1.." + std::to_string(most) + " bytes in UTF-8");
}

void require_power(const char* name, uint32_t value) {
  if ((value & (value - 1)) == 0) return;
  refuse_range(std::string(name) + "=" + std::to_string(value) + " must be a power of two");
}

void require_own() {
  if (!is_forked()) return;
  throw Failure("ERR_ORBIT_CLOSED",
                "this process was forked from one that uses orbit.h: join in a process of its own, started by exec");
}

void require_kept(const OpenRing& opened) {
  if (is_retired(opened.writer.ring)) refuse_status(RingStatus::kRetired, opened);
}

void refuse_status(RingStatus status, const OpenRing& opened) {
  std::string name = name_of(opened);
  switch (status) {
    case RingStatus::kRetired:
      throw Failure("ERR_ORBIT_RETIRED", name + ": it was removed: close the fleet and join again");
    case RingStatus::kExhausted:
      throw Failure("ERR_ORBIT_EXHAUSTED", name + ": no position is left: remove it to begin again at 0");
    default:
      throw Failure("ERR_ORBIT_CORRUPT", name + ": its shared bytes contradict the layout: remove it to begin anew");
  }
}

}  // namespace orbit
