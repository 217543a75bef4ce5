// The topic of an event, and the patterns by which readers choose.
#pragma once

#include "protocol/cursor.h"
#include "protocol/payload.h"

namespace orbit {

// UTF-8. Levels are separated by '.'. "*" matches any one level, ">" matches all remaining levels, at least one.
// TypeScript accepts them only as whole levels, and ">" only as the last.
struct TopicPattern {
  const uint8_t* bytes;
  size_t length;
};

inline bool matches(const TopicPattern& pattern, const uint8_t* topic, size_t topicBytes) {
  size_t at = 0;
  for (size_t i = 0; i < pattern.length; i++) {
    if (pattern.bytes[i] == '>') return true;
    if (pattern.bytes[i] == '*') {
      while (at < topicBytes && topic[at] != '.') at++;
    } else if (at == topicBytes || topic[at++] != pattern.bytes[i]) {
      return false;
    }
  }
  return at == topicBytes;
}

// Any process of this user can write into the ring, so a payload may be no event.
inline Verdict judge_event(const TopicPattern& pattern, const uint8_t* payload, uint32_t length) {
  EventHeader header;
  if (length < sizeof header) return Verdict::kMalformed;
  memcpy(&header, payload, sizeof header);
  if (header.topicBytes > length - sizeof header) return Verdict::kMalformed;
  return matches(pattern, payload + sizeof header, header.topicBytes) ? Verdict::kKeep : Verdict::kSkip;
}

}  // namespace orbit
