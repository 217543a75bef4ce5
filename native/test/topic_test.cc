// topic.h: which topics a pattern asks for, and what is an event at all; and the account of a poll that chooses.
#include "protocol/topic.h"

#include <memory>
#include <string>
#include <vector>

#include "check.h"
#include "protocol/settle.h"

using namespace orbit;

namespace {

// In heap memory of their exact sizes, so that AddressSanitizer sees the byte after either.
bool matching(const std::string& pattern, const std::string& topic) {
  std::vector<uint8_t> p(pattern.begin(), pattern.end()), t(topic.begin(), topic.end());
  return matches(TopicPattern{p.data(), p.size()}, t.data(), t.size());
}

// What matches() must say, written as people read a pattern: level by level.
std::vector<std::string> levels_of(const std::string& text) {
  std::vector<std::string> levels(1);
  for (char c : text) {
    if (c == '.') {
      levels.emplace_back();
    } else {
      levels.back() += c;
    }
  }
  return levels;
}
bool matching_by_levels(const std::string& pattern, const std::string& topic) {
  std::vector<std::string> wanted = levels_of(pattern), levels = levels_of(topic);
  for (size_t i = 0; i < wanted.size(); i++) {
    if (i == levels.size()) return false;
    if (wanted[i] == ">") return true;
    if (wanted[i] != "*" && wanted[i] != levels[i]) return false;
  }
  return wanted.size() == levels.size();
}

// The n-th text of up to `length` letters out of `letters`.
std::string text_of(uint64_t n, const std::string& letters, size_t length) {
  std::string text;
  for (size_t i = 0; i < length && n > 0; i++, n /= letters.size() + 1) {
    if (uint64_t letter = n % (letters.size() + 1)) text += letters[letter - 1];
  }
  return text;
}

bool is_pattern(const std::string& text) {
  std::vector<std::string> levels = levels_of(text);
  for (size_t i = 0; i < levels.size(); i++) {
    bool isWild = levels[i].find_first_of("*>") != std::string::npos;
    if (isWild && levels[i].size() > 1) return false;
    if (levels[i] == ">" && i + 1 < levels.size()) return false;
  }
  return true;
}

void every_short_pattern_agrees_with_a_walk_over_levels() {
  uint32_t patterns = 0;
  for (uint64_t p = 0; p < 6 * 6 * 6 * 6 * 6; p++) {
    std::string pattern = text_of(p, "ab.*>", 5);
    if (!is_pattern(pattern)) continue;
    patterns++;
    for (uint64_t t = 0; t < 4 * 4 * 4 * 4 * 4; t++) {
      std::string topic = text_of(t, "ab.", 5);
      CHECK(matching(pattern, topic) == matching_by_levels(pattern, topic));
    }
  }
  CHECK(patterns > 1000);
}

void a_wildcard_is_a_whole_level_and_the_empty_topic_is_one() {
  CHECK(matching("a.*", "a.b") && !matching("a.*", "a") && !matching("a.*", "a.b.c") && !matching("a.*", "ab"));
  CHECK(matching("a.*.c", "a.b.c") && !matching("a.*.c", "a.b.d") && matching("*", "a") && !matching("*", "a.b"));
  CHECK(matching("a.>", "a.b") && matching("a.>", "a.b.c") && !matching("a.>", "a") && !matching("a.>", "b.a"));
  CHECK(matching("", "") && !matching("", "a") && !matching("a", "") && matching(">", "") && matching("*", ""));
  CHECK(matching("a.*", "a.") && matching("a.*.c", "a..c") && !matching("*.*", ""));
}

std::string event(size_t topicBytes, const std::string& rest) {
  return std::string{static_cast<char>(topicBytes & 0xff), static_cast<char>(topicBytes >> 8)} + rest;
}
Verdict judged(const std::string& pattern, const std::string& payload) {
  std::vector<uint8_t> p(pattern.begin(), pattern.end()), bytes(payload.begin(), payload.end());
  return judge_event(TopicPattern{p.data(), p.size()}, bytes.data(), static_cast<uint32_t>(bytes.size()));
}

void what_ends_before_its_topic_is_no_event() {
  for (const char* payload : {"", "a"}) CHECK(judged(">", payload) == Verdict::kMalformed);
  CHECK(judged(">", event(0, "")) == Verdict::kKeep);
  CHECK(judged(">", event(3, "ab")) == Verdict::kMalformed);
  CHECK(judged(">", event(0xffff, "ab")) == Verdict::kMalformed);
  CHECK(judged("ab", event(2, "ab")) == Verdict::kKeep && judged("ab", event(2, "abc")) == Verdict::kKeep);
  CHECK(judged("abc", event(2, "abc")) == Verdict::kSkip && judged("", event(0, "abc")) == Verdict::kKeep);
  CHECK(judged(std::string(300, 'x'), event(300, std::string(301, 'x'))) == Verdict::kKeep);
}

void a_poll_that_chooses_accounts_for_every_position() {
  RingSpec spec;
  spec.typeKind = kEventKind;
  spec.capacity = 8;
  spec.payloadBytes = 8;
  spec.fleetSize = 1;
  std::unique_ptr<uint8_t, Free> base(static_cast<uint8_t*>(aligned_alloc(64, ring_bytes(spec))));
  format_ring(base.get(), spec, 0);
  Ring ring;
  CHECK(attach_ring(base.get(), ring_bytes(spec), &ring) == AttachStatus::kOk);
  Writer writer;
  CHECK(become_writer(ring, 0, &writer) == RingStatus::kOk);
  const std::string payloads[] = {event(1, "a"), event(1, "b"), event(9, "a")};
  uint64_t position;
  for (uint32_t i = 0; i < 12; i++) {
    const std::string& payload = payloads[i % 3];
    uint32_t length = static_cast<uint32_t>(payload.size());
    CHECK(publish(&writer, payload.data(), length, 0, 0, &position) == RingStatus::kOk);
  }
  uint8_t payload[8];
  const uint8_t pattern[] = {'a'};
  std::vector<uint64_t> kept;
  auto poll = [&](uint64_t from, uint32_t max) {
    return poll_frames(
        ring, from, max, false, [&](uint32_t) { return payload; },
        [&](const Frame& frame) {
          Verdict verdict = judge_event(TopicPattern{pattern, 1}, payload, frame.length);
          if (verdict == Verdict::kKeep) kept.push_back(frame.position);
          return verdict;
        });
  };
  Poll all = poll(0, 100);
  CHECK((kept == std::vector<uint64_t>{6, 9}));
  CHECK_EQUAL(all.to, 12);
  CHECK_EQUAL(all.lost, 4);
  CHECK_EQUAL(all.count, 2);
  CHECK_EQUAL(all.skipped, 3);    // 4, 7, 10
  CHECK_EQUAL(all.malformed, 3);  // 5, 8, 11
  Poll one = poll(4, 1);          // only what is kept counts against max
  CHECK_EQUAL(one.to, 7);
  CHECK_EQUAL(one.skipped + one.malformed, 2);
}

}  // namespace

int main(int count, char** words) {
  parse_options(count, words);
  const Test tests[] = {
      TEST(every_short_pattern_agrees_with_a_walk_over_levels),
      TEST(a_wildcard_is_a_whole_level_and_the_empty_topic_is_one),
      TEST(what_ends_before_its_topic_is_no_event),
      TEST(a_poll_that_chooses_accounts_for_every_position),
  };
  return run_tests("topic_test", tests);
}
