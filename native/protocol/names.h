// The KINDs that a fleet gives to names: of types without a KIND of their own, and of the second cache, bus or contest.
//
// Writers. A member that finds a name without a KIND stores the name in the first free entry, and then its length. It
//   holds the membership lock of the fleet, so there is one at a time, and no name gets two KINDs.
// Readers. They load the length, and then compare the name. They take no lock.
// Death. A writer that dies before it stores the length leaves an entry free, with bytes that the next one overwrites.
//
// Invariants:
//   N1  An entry is filled once and does not change: a name keeps its KIND as long as the fleet object exists.
//   N2  A name is in one entry only.
#pragma once

#include "protocol/debug.h"
#include "protocol/layout.h"
#include "protocol/word.h"

namespace orbit {

inline uint64_t* name_words(KindName* entry) { return reinterpret_cast<uint64_t*>(entry->name); }
inline const uint64_t* name_words(const KindName* entry) { return reinterpret_cast<const uint64_t*>(entry->name); }

// The length of the name in an entry; 0: it is free, or damaged. Acquire: the bytes of the name. Partner: store_name.
inline uint32_t name_bytes(const KindName* entry) {
  uint64_t bytes = load_acquire(&entry->bytes);
  return bytes <= kTypeNameBytes ? static_cast<uint32_t>(bytes) : 0;
}

// Copies the first `bytes` of a name, at most as many as name_bytes has returned.
inline void copy_name(const KindName* entry, char* name, uint32_t bytes) {
  for (uint32_t at = 0; at < bytes; at += 8) {
    uint64_t word = load_relaxed(name_words(entry) + at / 8);
    memcpy(name + at, &word, bytes - at < 8 ? bytes - at : 8);
  }
}

// The index of the entry with this name; -1: there is none.
inline int32_t find_name(const KindName* names, const char* name, uint32_t bytes) {
  ORBIT_CHECK(bytes >= 1 && bytes <= kTypeNameBytes);
  for (uint32_t i = 0; i < kNamedKinds; i++) {
    if (name_bytes(&names[i]) != bytes) continue;
    char found[kTypeNameBytes];
    copy_name(&names[i], found, bytes);
    if (memcmp(found, name, bytes) == 0) return static_cast<int32_t>(i);
  }
  return -1;
}

// The index of the first free entry; -1: all are in use. The caller holds the membership lock.
inline int32_t free_name(const KindName* names) {
  for (uint32_t i = 0; i < kNamedKinds; i++) {
    if (load_relaxed(&names[i].bytes) == 0) return static_cast<int32_t>(i);
  }
  return -1;
}

// Fills a free entry. The caller holds the membership lock, and has found the name in no other entry.
inline void store_name(KindName* entry, const char* name, uint32_t bytes) {
  for (uint32_t at = 0; at < bytes; at += 8) {
    uint64_t word = 0;
    memcpy(&word, name + at, bytes - at < 8 ? bytes - at : 8);
    store_relaxed(name_words(entry) + at / 8, word);
  }
  // Release: the name. Partner: name_bytes.
  store_release(&entry->bytes, bytes);
}

}  // namespace orbit
