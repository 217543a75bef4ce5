// index.h on plain memory, one thread: every answer is that of a walk over the ring, even over foreign bytes.
#include "protocol/index.h"

#include <memory>
#include <string>
#include <vector>

#include "check.h"
#include "walk.h"

using namespace orbit;

namespace {

uint64_t g_seed = 1;
double g_seconds = 1;

// A ring of the cache in private memory, with a writer, an index and a clock.
struct Cache {
  std::unique_ptr<uint8_t, Free> base;
  Ring ring;
  Writer writer;
  std::unique_ptr<CacheIndex> index;
  uint64_t nowMs = 1000;

  explicit Cache(uint32_t capacity, uint32_t payloadBytes = 96) {
    RingSpec spec;
    spec.typeKind = 200;
    spec.capacity = capacity;
    spec.payloadBytes = payloadBytes;
    spec.fleetSize = 2;
    base.reset(static_cast<uint8_t*>(aligned_alloc(64, ring_bytes(spec))));
    memset(base.get(), 0, ring_bytes(spec));
    format_ring(base.get(), spec, 1);
    CHECK(attach_ring(base.get(), ring_bytes(spec), &ring) == AttachStatus::kOk);
    CHECK(become_writer(ring, 0, &writer) == RingStatus::kOk);
    index = new_index();
  }
  std::unique_ptr<CacheIndex> new_index() const { return std::make_unique<CacheIndex>(ring, g_seed); }

  uint64_t put(const std::string& space, const std::string& key, const std::string& value, uint64_t expiresAtMs = 0) {
    return publish_mutation(&writer, {kCachePut, space, key, value, expiresAtMs});
  }
  uint64_t remove(const std::string& space, const std::string& key) {
    return publish_mutation(&writer, {kCacheDelete, space, key, "", 0});
  }
  uint64_t reset(const std::string& space, const std::string& prefix) {
    return publish_mutation(&writer, {kCacheReset, space, prefix, "", 0});
  }

  // The answer of the index, which a new index and the walk agree with.
  Answer get(const std::string& space, const std::string& key) {
    Answer answer = look_up(index.get(), ring, space, key, nowMs);
    check_same(answer, walk(ring, head_of(ring), space, key, nowMs));
    check_same(look_up(new_index().get(), ring, space, key, nowMs), answer);
    return answer;
  }
  std::string value(const std::string& space, const std::string& key) {
    Answer answer = get(space, key);
    CHECK(answer.isHit);
    return answer.value;
  }
  bool has(const std::string& space, const std::string& key) { return get(space, key).isHit; }

  ChunkHeader* chunk_of(uint64_t position) const { return chunk_at(ring, chunk_in(*slot_of(ring, position))); }
};

// ---- what decides --------------------------------------------------------------------------------------------------

void an_empty_ring_decides_nothing() {
  Cache cache(4);
  Answer answer = cache.get("", "key");
  CHECK(!answer.isHit && !answer.isDecided);
  CHECK_EQUAL(answer.head, 0);
}

void the_newest_put_of_a_key_decides() {
  Cache cache(8);
  cache.put("", "a", "1");
  CHECK(cache.value("", "a") == "1");
  cache.put("", "b", "2");
  uint64_t third = cache.put("", "a", "3");
  CHECK(cache.value("", "a") == "3");
  CHECK(cache.value("", "b") == "2");
  CHECK_EQUAL(cache.get("", "a").position, third);
  cache.put("", "a", "");
  CHECK(cache.value("", "a").empty());
}

void a_delete_decides_until_the_next_put() {
  Cache cache(8);
  cache.put("", "a", "1");
  cache.put("", "b", "1");
  uint64_t position = cache.remove("", "a");
  Answer answer = cache.get("", "a");
  CHECK(!answer.isHit && answer.isDecided);
  CHECK_EQUAL(answer.position, position);
  CHECK(cache.has("", "b"));
  cache.put("", "a", "2");
  CHECK(cache.value("", "a") == "2");
  uint64_t unknown = cache.remove("", "c");
  CHECK_EQUAL(cache.get("", "c").position, unknown);
}

void a_reset_decides_what_begins_with_its_prefix() {
  Cache cache(32);
  for (const char* key : {"", "u", "us", "user", "user/1", "user/2", "usual", "v"}) cache.put("", key, key);
  uint64_t longer = cache.reset("", "user/");
  CHECK(cache.has("", "user") && cache.has("", "usual"));
  CHECK_EQUAL(cache.get("", "user/1").position, longer);
  CHECK_EQUAL(cache.get("", "user/3").position, longer);
  uint64_t shorter = cache.reset("", "us");
  CHECK(cache.has("", "u") && cache.has("", "v") && cache.has("", ""));
  for (const char* key : {"us", "user", "user/1", "usual"}) CHECK_EQUAL(cache.get("", key).position, shorter);
  cache.put("", "user/1", "back");
  CHECK(cache.value("", "user/1") == "back");
  longer = cache.reset("", "user/");
  CHECK_EQUAL(cache.get("", "user/1").position, longer);
  CHECK_EQUAL(cache.get("", "usual").position, shorter);
  uint64_t all = cache.reset("", "");
  for (const char* key : {"", "u", "user/1", "v", "w"}) CHECK_EQUAL(cache.get("", key).position, all);
  cache.put("", "", "empty");
  CHECK(cache.value("", "") == "empty");
}

void a_namespace_is_no_prefix_of_another() {
  Cache cache(16);
  cache.put("a", "b", "a:b");
  cache.put("ab", "", "ab:");
  cache.put("", "ab", ":ab");
  CHECK(cache.value("a", "b") == "a:b");
  CHECK(cache.value("ab", "") == "ab:");
  CHECK(cache.value("", "ab") == ":ab");
  uint64_t position = cache.reset("a", "");
  CHECK_EQUAL(cache.get("a", "b").position, position);
  CHECK(cache.has("ab", "") && cache.has("", "ab"));
  position = cache.reset("", "a");
  CHECK_EQUAL(cache.get("", "ab").position, position);
  CHECK(cache.has("ab", ""));
  cache.remove("ab", "");
  cache.put("", "ab", "again");
  CHECK(cache.value("", "ab") == "again");
}

void a_put_is_gone_when_its_time_has_come() {
  Cache cache(8);
  cache.put("", "a", "old");
  uint64_t position = cache.put("", "a", "new", 1500);
  CHECK(cache.value("", "a") == "new");
  CHECK_EQUAL(cache.get("", "a").expiresAtMs, 1500);
  cache.nowMs = 1499;
  CHECK(cache.has("", "a"));
  for (uint64_t nowMs : {1500, 1501, 99999}) {
    cache.nowMs = nowMs;
    Answer answer = cache.get("", "a");
    CHECK(!answer.isHit && answer.isDecided);
    CHECK_EQUAL(answer.position, position);
  }
  cache.put("", "a", "for ever");
  CHECK(cache.value("", "a") == "for ever");
  cache.put("", "b", "long gone", 1);
  CHECK(!cache.has("", "b"));
}

void the_clock_is_asked_only_where_something_expires() {
  Cache cache(8);
  cache.put("", "a", "1");
  cache.remove("", "b");
  uint32_t asked = 0;
  auto now = [&asked] { return uint64_t{++asked}; };
  uint8_t value[96];
  CacheAnswer answer;
  for (const char* key : {"a", "b", "c"}) {
    CacheKey cacheKey{reinterpret_cast<const uint8_t*>(key), 0, 1};
    cache.index->find(cacheKey, kNoPosition, now, value, &answer);
  }
  CHECK_EQUAL(asked, 0);
}

void a_position_that_is_known_and_unchanged_is_not_copied() {
  Cache cache(8);
  CacheStatus status;
  uint64_t first = cache.put("", "a", "1", 2000);
  look_up(cache.index.get(), cache.ring, "", "a", 1000, first, &status);
  CHECK(status == CacheStatus::kUnchanged);
  Answer answer = look_up(cache.index.get(), cache.ring, "", "a", 1000, first + 1, &status);
  CHECK(status == CacheStatus::kHit && answer.value == "1");
  look_up(cache.index.get(), cache.ring, "", "a", 2000, first, &status);
  CHECK(status == CacheStatus::kMiss);
  cache.put("", "a", "2");
  answer = look_up(cache.index.get(), cache.ring, "", "a", 1000, first, &status);
  CHECK(status == CacheStatus::kHit && answer.value == "2");
  cache.remove("", "a");
  look_up(cache.index.get(), cache.ring, "", "a", 1000, answer.position, &status);
  CHECK(status == CacheStatus::kMiss);
}

void keys_of_every_length_are_told_apart_to_their_last_byte() {
  Cache cache(1024, 200);
  std::string text = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGH";
  for (size_t spaceBytes : {0, 1, 5, 8, 11}) {
    std::string space(spaceBytes, '-');
    for (size_t length = 0; length <= 40; length++) cache.put(space, text.substr(0, length), std::to_string(length));
    for (size_t length = 0; length <= 40; length++) {
      std::string key = text.substr(0, length);
      CHECK(cache.value(space, key) == std::to_string(length));
      CHECK(!cache.has(space, key + '\0') && !cache.has(space, key + '?'));
      if (length > 0) CHECK(!cache.has(space, text.substr(0, length - 1) + '?'));
    }
    for (size_t length = 40; length > 0; length--) {
      uint64_t position = cache.reset(space, text.substr(0, length));
      CHECK_EQUAL(cache.get(space, text.substr(0, length)).position, position);
      CHECK(cache.has(space, text.substr(0, length - 1)));
    }
  }
}

// A hash that takes these in by exclusive or alone has such pairs for every seed.
void no_byte_of_a_key_makes_up_for_another_namespace_or_a_reset() {
  std::string text = "abcdefgh";
  for (uint64_t seed = 0; seed < 32; seed++) {
    Cache cache(2);
    CacheIndex index(cache.ring, seed);
    auto check_after = [&](CacheOp op, size_t cut, size_t otherCut, const std::string& other) {
      cache.put(text.substr(0, cut), text.substr(cut), "v");
      publish_mutation(&cache.writer, {op, other.substr(0, otherCut), other.substr(otherCut), "", 0});
      CHECK(look_up(&index, cache.ring, text.substr(0, cut), text.substr(cut), 1).isHit);
    };
    for (size_t at = 0; at < text.size(); at++) {
      for (char bits = 1; bits < 8; bits++) {
        std::string other = text;
        other[at] = static_cast<char>(other[at] ^ bits);
        for (size_t cuts = 0; cuts < 16; cuts++) {
          check_after(kCachePut, cuts / 4, cuts % 4, other);
          check_after(kCacheReset, cuts / 4, cuts % 4, other);
        }
      }
    }
  }
}

void a_value_may_fill_the_frame() {
  Cache cache(4, 64);
  for (size_t keyBytes : {0, 1, 7, 8, 9, 56}) {
    std::string key(keyBytes, 'k'), value(64 - 8 - padded(keyBytes), 'v');
    cache.put("", key, value);
    CHECK(cache.value("", key) == value);
  }
}

// ---- what is gone --------------------------------------------------------------------------------------------------

void what_is_overwritten_decides_no_more() {
  for (uint32_t capacity : {1, 2, 4, 8}) {
    Cache cache(capacity);
    for (int round = 0; round < 5; round++) {
      cache.put("", "a", "1");
      for (uint32_t i = 1; i < capacity; i++) {
        cache.put("", "filler", "");
        CHECK(cache.value("", "a") == "1");
      }
      cache.put("", "filler", "");
      Answer answer = cache.get("", "a");
      CHECK(!answer.isHit && !answer.isDecided);
      CHECK(cache.has("", "filler"));
    }
  }
}

void what_a_reset_or_delete_hid_does_not_come_back_when_that_is_overwritten() {
  Cache cache(4);
  cache.put("", "a", "1");
  uint64_t position = cache.reset("", "");
  for (int i = 0; i < 3; i++) {
    CHECK_EQUAL(cache.get("", "a").position, position);
    cache.put("", "b", "1");
  }
  cache.put("", "b", "1");
  CHECK(!cache.get("", "a").isDecided);
}

void an_index_that_lagged_by_laps_answers_as_a_new_one() {
  Cache cache(8);
  std::unique_ptr<CacheIndex> lagging = cache.new_index();
  for (uint64_t lag : {1, 7, 8, 9, 15, 16, 17, 1000, 3}) {
    for (uint64_t i = 0; i < lag; i++) cache.put("", std::string(1, static_cast<char>('a' + i % 3)), std::to_string(i));
    for (const char* key : {"a", "b", "c", "d"}) {
      check_same(look_up(lagging.get(), cache.ring, "", key, cache.nowMs), cache.get("", key));
    }
  }
}

// As if writers published 100 frames after the index has asked for the head.
void what_is_overwritten_while_the_index_catches_up_costs_nothing_else() {
  Cache cache(256);
  for (int i = 0; i < 300; i++) cache.put("", "filler", "");
  cache.put("", "stays", "here");
  uint64_t head = head_of(cache.ring);
  for (uint64_t position = head + 1; position <= head + 100; position++) {
    uint64_t* slot = slot_of(cache.ring, position);
    *slot = slot_word(lap_of(cache.ring, position), chunk_in(*slot));
  }
  CHECK_EQUAL(head_of(cache.ring), head);
  CHECK(cache.value("", "stays") == "here");
  CHECK(!cache.get("", "nothing").isDecided);
}

// A delete and a reset that the index had noted are hidden by puts that it never saw: they decide no more.
void what_was_noted_before_a_gap_decides_no_more() {
  for (bool byReset : {false, true}) {
    Cache cache(64);
    for (int i = 0; i < 100; i++) cache.put("", "filler", "");
    uint64_t gone = byReset ? cache.reset("", "k") : cache.remove("", "key");
    CHECK_EQUAL(cache.get("", "key").position, gone);
    cache.put("", "key", "again");
    for (int i = 0; i < 61; i++) cache.put("", "filler", "");
    uint64_t head = head_of(cache.ring);
    CHECK(gone >= oldest_of(cache.ring, head));
    // As if a writer overwrote the oldest three, the put among them, after the index has asked for the head.
    for (uint64_t position = head + 1; position <= gone + 1 + 64; position++) {
      uint64_t* slot = slot_of(cache.ring, position);
      *slot = slot_word(lap_of(cache.ring, position), chunk_in(*slot));
    }
    CHECK_EQUAL(head_of(cache.ring), head);
    for (int i = 0; i < 2; i++) {
      CHECK(!look_up(cache.index.get(), cache.ring, "", "key", cache.nowMs).isDecided);
    }
  }
}

void a_reset_of_the_ring_leaves_nothing() {
  Cache cache(4);
  cache.put("", "a", "1");
  CHECK(cache.has("", "a"));
  reset_ring(cache.ring);
  Answer answer = cache.get("", "a");
  CHECK(!answer.isDecided);
  CHECK_EQUAL(answer.head, 1);
  cache.put("", "b", "2");
  CHECK(!cache.has("", "a") && cache.has("", "b"));
}

void many_lengths_of_prefix_are_kept_apart() {
  Cache cache(64);
  std::string text(40, 'x');
  for (int round = 0; round < 6; round++) {
    for (size_t length = 1; length <= 40; length += 3) {
      cache.put("", text, "v");
      uint64_t position = cache.reset(length % 2 == 0 ? "n" : "", text.substr(0, length));
      CHECK(cache.has("", text) == (length % 2 == 0));
      if (length % 2 == 1) CHECK_EQUAL(cache.get("", text).position, position);
    }
  }
}

// ---- foreign bytes -------------------------------------------------------------------------------------------------

// More frames than a first lookup notes at once.
void a_first_lookup_answers_at_any_depth() {
  Cache cache(4096);
  auto key = [](int i) { return "a key of more than a word/" + std::to_string(i); };
  for (int i = 0; i < 5000; i++) {
    if (i % 700 == 0) cache.reset("", key(i / 2));
    if (i % 900 == 0) cache.remove("", key(i / 3));
    cache.put("", key(i), std::to_string(i));
  }
  for (int i = 0; i < 5100; i += 37) cache.get("", key(i));
  // One index for all, which goes down as the keys ask for it, while frames are added.
  cache.index = cache.new_index();
  for (int i = 4990; i > 0; i -= 61) {
    Answer answer = look_up(cache.index.get(), cache.ring, "", key(i), cache.nowMs);
    check_same(answer, walk(cache.ring, head_of(cache.ring), "", key(i), cache.nowMs));
    cache.put("", key(i + 1), "again");
  }
}

void frames_that_are_noted_a_few_at_a_time_are_all_noted_in_the_end() {
  Cache cache(128);
  for (int i = 0; i < 200; i++) cache.put("", "key/" + std::to_string(i), std::to_string(i));
  cache.index = cache.new_index();
  int turns = 1;
  while (cache.index->note_some(10)) {
    turns++;
    if (turns % 4 == 0) cache.put("", "new/" + std::to_string(turns), "new");
  }
  CHECK_EQUAL(turns, 13);
  for (int i = 60; i < 200; i++) cache.get("", "key/" + std::to_string(i));
  CHECK(!cache.index->note_some(10));
}

// Keys that leave the prefixes of resets at each byte, around the words by which prefixes are passed over.
void prefixes_of_resets_are_told_from_keys_at_every_byte() {
  Cache cache(256);
  const std::string longest(40, 'p');
  for (uint32_t length : {3, 8, 9, 16, 23, 24, 31, 40}) {
    cache.reset("", longest.substr(0, length - 1) + "!");
    cache.put("", "between", "");
  }
  for (size_t at = 0; at < longest.size(); at++) {
    std::string key = longest + "/tail";
    key[at] = '!';
    cache.get("", key);
    cache.get("", key.substr(0, at + 1));
    cache.get("space", key);
  }
  cache.put("", "abcz", "");
  cache.reset("", std::string("abc\0", 4));  // as long as "abc" to its last byte but for the zero
  cache.reset("", "xyz");
  CHECK(cache.has("", "abcz"));
  for (int i = 0; i < 600; i++) {  // laps, in which the resets are overwritten
    cache.put("", "filler", "");
    if (i % 50 == 0) cache.reset("", "other prefix " + std::to_string(i));
    if (i % 7 == 0) cache.get("", longest.substr(0, 15) + "!/" + std::to_string(i));
    if (i % 7 == 0) cache.get("", "other prefix " + std::to_string(i / 50 * 50) + "/key");
  }
}

void frames_that_are_none_of_ours_are_passed_over() {
  Cache cache(32, 96);
  cache.put("n", "key", "value");
  std::vector<uint8_t> good = encode({kCachePut, "n", "key", "other", 0});
  publish_bytes(&cache.writer, {});
  publish_bytes(&cache.writer, {1, 0, 0});
  publish_bytes(&cache.writer, std::vector<uint8_t>(8));
  for (uint8_t op : {0, 4, 255}) {
    std::vector<uint8_t> bytes = good;
    bytes[0] = op;
    publish_bytes(&cache.writer, bytes);
  }
  for (size_t field : {1, 2, 3, 4, 5, 6, 7}) {
    for (uint8_t wrong : {uint8_t{0}, uint8_t{255}, static_cast<uint8_t>(good[field] + 8)}) {
      if (wrong == good[field]) continue;
      std::vector<uint8_t> bytes = good;
      bytes[field] = wrong;
      publish_bytes(&cache.writer, bytes);
      CHECK(cache.value("n", "key") == "value");
    }
  }
  std::vector<uint8_t> longer = good;
  longer.push_back(0);
  publish_bytes(&cache.writer, longer);
  CHECK(cache.value("n", "key") == "value");
}

void a_length_over_the_payload_is_not_believed() {
  Cache cache(4, 64);
  uint64_t position = cache.put("", "a", "1");
  for (uint64_t length : {65u, 1u << 20, ~0u}) {
    *shape_of(cache.chunk_of(position)) = length;
    CacheHeader header{kCachePut, 0, 1, static_cast<uint32_t>(length - 16)};
    memcpy(payload_at(cache.chunk_of(position)), &header, sizeof header);
    CHECK(!look_up(cache.new_index().get(), cache.ring, "", "a", 1).isHit);
    CHECK(!look_up(cache.index.get(), cache.ring, "", "a", 1).isHit);
  }
}

void a_chunk_out_of_range_is_not_followed() {
  Cache cache(4);
  cache.put("", "a", "1");
  CHECK(cache.has("", "a"));
  *slot_of(cache.ring, 0) = slot_word(1, kChunkMask);
  std::unique_ptr<CacheIndex> fresh = cache.new_index();
  for (CacheIndex* index : {cache.index.get(), fresh.get()}) {
    Answer answer = look_up(index, cache.ring, "", "a", 1);
    CHECK(!answer.isHit && !answer.isDecided);
  }
}

// As a collision of hashes would: what the index noted under one key is another's.
void a_value_is_never_given_for_another_key() {
  for (size_t at : {0, 3, 8, 10}) {
    Cache cache(4);
    uint64_t position = cache.put("n", "0123456789", "value");
    CHECK(cache.has("n", "0123456789"));
    reinterpret_cast<uint8_t*>(payload_at(cache.chunk_of(position)))[8 + at] ^= 1;
    CHECK(!look_up(cache.index.get(), cache.ring, "n", "0123456789", 1).isHit);
  }
  Cache cache(4);
  uint64_t position = cache.put("ab", "cd", "value");
  CHECK(cache.has("ab", "cd"));
  publish_mutation(&cache.writer, {kCachePut, "a", "bcd", "value", 0});
  memcpy(payload_at(cache.chunk_of(position)), payload_at(cache.chunk_of(position + 1)), 32);
  CHECK(!look_up(cache.index.get(), cache.ring, "ab", "cd", 1).isHit);
}

void a_head_that_went_back_is_followed() {
  // With many seeds: which keys share a bucket is the seed's affair.
  for (uint64_t seed = 0; seed < 100; seed++) {
    uint64_t back = 1 + 2 * (seed % 5);
    Cache cache(8);
    cache.index = std::make_unique<CacheIndex>(cache.ring, seed);
    for (int i = 0; i < 12; i++) cache.put("", std::string(1, static_cast<char>('a' + i % 5)), std::to_string(i));
    CHECK(cache.has("", "b"));
    uint64_t head = 12 - back;
    for (uint64_t slot = 0; slot < 8; slot++) {
      uint64_t laps = head / 8 + (head % 8 > slot ? 1 : 0);
      cache.ring.slots[slot] = slot_word(laps, chunk_in(cache.ring.slots[slot]));
    }
    cache.ring.header->hint = head;
    CHECK_EQUAL(head_of(cache.ring), head);
    // Other keys come to the same positions: with links of before, a chain could lead into itself.
    CHECK(become_writer(cache.ring, 0, &cache.writer) == RingStatus::kOk);
    look_up(cache.index.get(), cache.ring, "", "b", 1);
    for (int i = 0; i < 8; i++) {
      cache.put("", std::string(1, static_cast<char>('p' + i)), "new");
      for (const char* key : {"a", "b", "c", "p", "q", "w"}) look_up(cache.index.get(), cache.ring, "", key, 1);
    }
    for (const char* key : {"p", "q", "w"}) CHECK(cache.value("", key) == "new");
    for (const char* key : {"a", "b", "c", "d", "e"}) CHECK(!cache.has("", key));
  }
}

// ---- any sequence --------------------------------------------------------------------------------------------------

const std::vector<std::string> kSpaces = {"", "a", "ab", "long namespace"};
const std::vector<std::string> kKeys = {"", "b", "user/1", "user/12", "user/2", "uses", "a key of over two words"};
const std::vector<std::string> kPrefixes = {"", "u", "user", "user/1", "b", "a key of over", "nothing"};

const std::string& pick(Random* random, const std::vector<std::string>& choices) {
  return choices[random->below(choices.size())];
}

void mutate(Cache* cache, Random* random) {
  const std::string& space = pick(random, kSpaces);
  switch (random->below(12)) {
    case 0:
      cache->reset(space, pick(random, kPrefixes));
      return;
    case 1:
      cache->remove(space, pick(random, kKeys));
      return;
    case 2: {
      std::vector<uint8_t> bytes(random->below(40));
      for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random->below(6));
      publish_bytes(&cache->writer, bytes, random->below(5));
      return;
    }
    case 3:
      cache->nowMs += random->below(20);
      return;
    case 4:
    case 5:
      cache->put(space, pick(random, kKeys), std::to_string(random->next()), cache->nowMs + random->below(30));
      return;
    default:
      cache->put(space, pick(random, kKeys), std::string(random->below(20), static_cast<char>(random->next())));
  }
}

uint64_t check_some(Cache* cache, CacheIndex* index, Random* random) {
  uint64_t checks = 1 + random->below(6);
  for (uint64_t i = 0; i < checks; i++) {
    const std::string &space = pick(random, kSpaces), &key = pick(random, kKeys);
    Answer expected = walk(cache->ring, head_of(cache->ring), space, key, cache->nowMs);
    uint64_t known = random->below(3) == 0 && expected.isDecided ? expected.position : kNoPosition;
    CacheStatus status;
    Answer answer = look_up(index, cache->ring, space, key, cache->nowMs, known, &status);
    CHECK((status == CacheStatus::kUnchanged) == (expected.isHit && known != kNoPosition));
    if (status == CacheStatus::kUnchanged) answer.value = expected.value;
    check_same(answer, expected);
  }
  return checks;
}

void any_sequence_is_answered_as_the_walk_does() {
  double end = seconds_now() + g_seconds;
  uint64_t answers = 0, seed = g_seed;
  do {
    Random random{seed++};
    Cache cache(1u << random.below(7));
    std::vector<std::unique_ptr<CacheIndex>> indexes;
    for (int i = 0; i < 3; i++) indexes.push_back(cache.new_index());
    for (int step = 0; step < 2000; step++) {
      mutate(&cache, &random);
      // The first looks often, the last seldom.
      for (uint64_t i = 0; i < 3; i++) {
        if (random.below(30) == 0) indexes[i]->note_some(random.below(20));
        if (random.below(1 + i * i * 20) == 0) answers += check_some(&cache, indexes[i].get(), &random);
      }
      if (random.below(300) == 0) reset_ring(cache.ring);
    }
  } while (seconds_now() < end);
  printf("    %llu answers\n", static_cast<unsigned long long>(answers));
}

}  // namespace

int main(int count, char** words) {
  Options options = parse_options(count, words);
  g_seed = options.seed;
  g_seconds = options.seconds;
  return run_tests("index_test", {TEST(an_empty_ring_decides_nothing),
                                  TEST(the_newest_put_of_a_key_decides),
                                  TEST(a_delete_decides_until_the_next_put),
                                  TEST(a_reset_decides_what_begins_with_its_prefix),
                                  TEST(a_namespace_is_no_prefix_of_another),
                                  TEST(a_put_is_gone_when_its_time_has_come),
                                  TEST(the_clock_is_asked_only_where_something_expires),
                                  TEST(a_position_that_is_known_and_unchanged_is_not_copied),
                                  TEST(keys_of_every_length_are_told_apart_to_their_last_byte),
                                  TEST(no_byte_of_a_key_makes_up_for_another_namespace_or_a_reset),
                                  TEST(a_value_may_fill_the_frame),
                                  TEST(what_is_overwritten_decides_no_more),
                                  TEST(what_a_reset_or_delete_hid_does_not_come_back_when_that_is_overwritten),
                                  TEST(an_index_that_lagged_by_laps_answers_as_a_new_one),
                                  TEST(what_is_overwritten_while_the_index_catches_up_costs_nothing_else),
                                  TEST(what_was_noted_before_a_gap_decides_no_more),
                                  TEST(a_reset_of_the_ring_leaves_nothing),
                                  TEST(many_lengths_of_prefix_are_kept_apart),
                                  TEST(a_first_lookup_answers_at_any_depth),
                                  TEST(frames_that_are_noted_a_few_at_a_time_are_all_noted_in_the_end),
                                  TEST(prefixes_of_resets_are_told_from_keys_at_every_byte),
                                  TEST(frames_that_are_none_of_ours_are_passed_over),
                                  TEST(a_length_over_the_payload_is_not_believed),
                                  TEST(a_chunk_out_of_range_is_not_followed),
                                  TEST(a_value_is_never_given_for_another_key),
                                  TEST(a_head_that_went_back_is_followed),
                                  TEST(any_sequence_is_answered_as_the_walk_does)});
}
