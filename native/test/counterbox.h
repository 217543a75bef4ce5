// A counters object in the memory of a test, and the calls that tests make of it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "check.h"
#include "protocol/counters.h"
#include "protocol/settle.h"

inline orbit::RingSpec spec_of_counters(uint32_t capacity, uint32_t nameBytes, uint32_t fleetSize) {
  orbit::RingSpec spec;
  spec.typeKind = 226;
  spec.capacity = capacity;
  spec.payloadBytes = orbit::counters_payload(nameBytes);
  spec.fleetSize = fleetSize;
  spec.objectType = orbit::kCountersObject;
  return spec;
}

inline orbit::CounterName name_of(const std::string& text, orbit::CounterKind kind = orbit::kInteger) {
  return {text.data(), static_cast<uint32_t>(text.size()), kind};
}

inline orbit::CounterStatus add_to(orbit::Writer* writer, const std::string& name, uint64_t amount, uint64_t nowMs,
                                   uint64_t ttlMs = 0, uint64_t* sum = nullptr, orbit::CounterSpot* spot = nullptr) {
  orbit::CounterSpot own;
  return orbit::change_counter(
      writer, name_of(name), ttlMs, [=] { return nowMs; },
      [&](uint64_t* value, bool) {
        *value += amount;
        if (sum != nullptr) *sum = *value;
        return true;
      },
      spot == nullptr ? &own : spot);
}

inline orbit::CounterStatus add_at(orbit::Writer* writer, const orbit::CounterSpot& spot, uint64_t amount,
                                   uint64_t nowMs) {
  return orbit::change_cell(
      writer, spot, 0, [=] { return nowMs; },
      [&](uint64_t* value, bool) {
        *value += amount;
        return true;
      });
}

// -1: there is none.
inline int64_t value_of(const orbit::Ring& ring, const std::string& name, uint64_t nowMs) {
  orbit::CounterValue value;
  orbit::CounterSpot spot;
  orbit::CounterStatus status = orbit::read_counter(
      ring, name_of(name), [=] { return nowMs; }, &value, &spot);
  CHECK(status == orbit::CounterStatus::kDone || status == orbit::CounterStatus::kNone);
  return status == orbit::CounterStatus::kDone ? static_cast<int64_t>(value.value) : -1;
}

// What was removed; -1: there was none.
inline int64_t remove_from(orbit::Writer* writer, const std::string& name, uint64_t nowMs) {
  uint64_t last = 0;
  orbit::CounterStatus status = orbit::remove_counter(
      writer, name_of(name), [=] { return nowMs; }, &last);
  CHECK(status == orbit::CounterStatus::kDone || status == orbit::CounterStatus::kNone);
  return status == orbit::CounterStatus::kDone ? static_cast<int64_t>(last) : -1;
}

// C1, for one bucket. Returns how many names are on its card.
inline uint32_t check_card(const orbit::Ring& ring, uint32_t bucket) {
  orbit::Card card;
  CHECK(orbit::read_card(ring, bucket, &card));
  std::vector<std::string> names;
  uint32_t cells = 0;
  CHECK(orbit::filter_names(&card, [&](const orbit::CounterHeader& header, const uint8_t* bytes) {
    CHECK((cells >> header.cell & 1) == 0);
    cells |= 1u << header.cell;
    std::string name(reinterpret_cast<const char*>(bytes), header.nameBytes);
    for (const std::string& other : names) CHECK(other != name);
    names.push_back(name);
    return true;
  }));
  return static_cast<uint32_t>(names.size());
}
