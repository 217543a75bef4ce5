// What the cache's index must answer: the walk itself, written down a second time and as plainly as can be.
#pragma once

#include <string>
#include <vector>

#include "check.h"
#include "protocol/index.h"
#include "protocol/settle.h"

// A frame of the cache as a test says it. `space` is the namespace.
struct Mutation {
  orbit::CacheOp op;
  std::string space, key, value;
  uint64_t expiresAtMs = 0;
};

inline std::vector<uint8_t> encode(const Mutation& mutation) {
  size_t keyBytes = mutation.space.size() + mutation.key.size();
  std::vector<uint8_t> bytes(8 + (keyBytes + 7) / 8 * 8 + mutation.value.size());
  bytes[0] = mutation.op;
  bytes[1] = static_cast<uint8_t>(mutation.space.size());
  bytes[2] = static_cast<uint8_t>(mutation.key.size());
  bytes[3] = static_cast<uint8_t>(mutation.key.size() >> 8);
  for (int i = 0; i < 4; i++) bytes[4 + i] = static_cast<uint8_t>(mutation.value.size() >> 8 * i);
  memcpy(bytes.data() + 8, mutation.space.data(), mutation.space.size());
  memcpy(bytes.data() + 8 + mutation.space.size(), mutation.key.data(), mutation.key.size());
  memcpy(bytes.data() + bytes.size() - mutation.value.size(), mutation.value.data(), mutation.value.size());
  return bytes;
}

// False: no frame of ours.
inline bool decode(const std::vector<uint8_t>& bytes, size_t length, Mutation* mutation) {
  if (length < 8 || bytes[0] < orbit::kCachePut || bytes[0] > orbit::kCacheReset) return false;
  size_t spaceBytes = bytes[1], keyBytes = bytes[2] + 256u * bytes[3], valueBytes = 0;
  for (int i = 0; i < 4; i++) valueBytes += size_t{bytes[4 + i]} << 8 * i;
  if (8 + (spaceBytes + keyBytes + 7) / 8 * 8 + valueBytes != length) return false;
  const char* text = reinterpret_cast<const char*>(bytes.data());
  mutation->op = static_cast<orbit::CacheOp>(bytes[0]);
  mutation->space.assign(text + 8, spaceBytes);
  mutation->key.assign(text + 8 + spaceBytes, keyBytes);
  mutation->value.assign(text + length - valueBytes, valueBytes);
  return true;
}

inline uint64_t publish_bytes(orbit::Writer* writer, const std::vector<uint8_t>& bytes, uint64_t version = 0) {
  uint64_t position = ~uint64_t{0};
  CHECK(orbit::publish(writer, bytes.data(), static_cast<uint32_t>(bytes.size()), bytes.empty() ? 0 : bytes[0], version,
                       &position) == orbit::RingStatus::kOk);
  return position;
}

inline uint64_t publish_mutation(orbit::Writer* writer, const Mutation& mutation) {
  return publish_bytes(writer, encode(mutation), mutation.expiresAtMs);
}

struct Answer {
  bool isHit = false, isDecided = false;
  uint64_t position = 0, expiresAtMs = 0;
  std::string value;
  uint64_t head = 0;
  uint64_t goneBelow = 0;  // of a walk that nothing decided: the positions that it could not read any more
};

// The newest frame below `head` that says anything of the key decides.
inline Answer walk(const orbit::Ring& ring, uint64_t head, const std::string& space, const std::string& key,
                   uint64_t nowMs) {
  Answer answer;
  answer.head = head;
  std::vector<uint8_t> bytes(ring.spec.payloadBytes + 8);
  for (uint64_t position = head; position-- > 0;) {
    orbit::Frame frame{};
    orbit::RingStatus status = orbit::read_frame(ring, position, &frame, bytes.data());
    if (status == orbit::RingStatus::kOverwritten) {
      answer.goneBelow = position + 1;
      break;
    }
    Mutation mutation;
    if (status != orbit::RingStatus::kOk || !decode(bytes, frame.length, &mutation)) continue;
    bool isReset = mutation.op == orbit::kCacheReset;
    bool isOurs = isReset ? key.compare(0, mutation.key.size(), mutation.key) == 0 : key == mutation.key;
    if (mutation.space != space || !isOurs) continue;
    answer.isDecided = true;
    answer.position = position;
    answer.isHit = mutation.op == orbit::kCachePut && (frame.version == 0 || frame.version > nowMs);
    if (answer.isHit) {
      answer.value = mutation.value;
      answer.expiresAtMs = frame.version;
    }
    break;
  }
  return answer;
}

// What the index says, with a value buffer of just the size that find() may fill.
inline Answer look_up(orbit::CacheIndex* index, const orbit::Ring& ring, const std::string& space,
                      const std::string& key, uint64_t nowMs, uint64_t known = orbit::kNoPosition,
                      orbit::CacheStatus* status = nullptr) {
  std::string both = space + key;
  orbit::CacheKey cacheKey{reinterpret_cast<const uint8_t*>(both.data()), static_cast<uint32_t>(space.size()),
                           static_cast<uint32_t>(key.size())};
  uint64_t before = 8 + orbit::padded(both.size());
  std::vector<uint8_t> value(before < ring.spec.payloadBytes ? ring.spec.payloadBytes - before : 0);
  value.shrink_to_fit();
  orbit::CacheAnswer found;
  orbit::CacheStatus outcome = index->find(
      cacheKey, known, [nowMs] { return nowMs; }, value.data(), &found);
  Answer answer;
  answer.isHit = outcome != orbit::CacheStatus::kMiss;
  answer.isDecided = found.isDecided;
  answer.head = found.head;
  if (found.isDecided) answer.position = found.position;
  if (answer.isHit) answer.expiresAtMs = found.expiresAtMs;
  if (outcome == orbit::CacheStatus::kHit) {
    CHECK(found.valueBytes <= value.size());
    answer.value.assign(reinterpret_cast<const char*>(value.data()), found.valueBytes);
  }
  if (status != nullptr) *status = outcome;
  return answer;
}

inline void check_same(const Answer& actual, const Answer& expected) {
  CHECK_EQUAL(actual.head, expected.head);
  CHECK_EQUAL(actual.isDecided, expected.isDecided);
  CHECK_EQUAL(actual.position, expected.position);
  CHECK_EQUAL(actual.isHit, expected.isHit);
  CHECK_EQUAL(actual.expiresAtMs, expected.expiresAtMs);
  CHECK(actual.value == expected.value);
}
