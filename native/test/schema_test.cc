// The text of a ring's pod (schema.h): which pods fit together, and how the text grows.
#include "protocol/schema.h"

#include <stdlib.h>

#include <memory>
#include <string>

#include "check.h"

using namespace orbit;

namespace {

struct TextRing {
  explicit TextRing(const std::string& text) {
    RingSpec spec;
    spec.capacity = 2;
    spec.payloadBytes = 40;
    spec.fleetSize = 1;
    spec.schemaBytes = static_cast<uint32_t>(text.size());
    spec.schemaRoom = schema_room(spec.schemaBytes);
    spec.schema = text.data();
    bytes = ring_bytes(spec);
    base.reset(static_cast<uint8_t*>(aligned_alloc(64, bytes)));
    memset(base.get(), 0x5a, bytes);
    format_ring(base.get(), spec, 0);
    CHECK(attach_ring(base.get(), bytes, &ring) == AttachStatus::kOk);
  }
  std::string text() const {
    std::string text(schema_bytes(ring), '\0');
    copy_schema(ring, text.data(), static_cast<uint32_t>(text.size()));
    return text;
  }
  void append(const std::string& next) const {
    append_schema(ring, schema_bytes(ring), next.data(), static_cast<uint32_t>(next.size()));
  }

  uint64_t bytes;
  std::unique_ptr<uint8_t, Free> base;
  Ring ring;
};

PodMatch match(const std::string& wanted, const std::string& found) {
  return match_pods(wanted.data(), static_cast<uint32_t>(wanted.size()), found.data(),
                    static_cast<uint32_t>(found.size()));
}

void pods_fit_together_when_one_begins_with_the_fields_of_the_other() {
  struct {
    const char* wanted;
    const char* found;
    PodMatch match;
  } table[] = {
      {"{\"a\":u32", "{\"a\":u32", PodMatch::kSame},
      {"{\"a\":u32,\"b\":u8", "{\"a\":u32", PodMatch::kLonger},
      {"{\"a\":u32", "{\"a\":u32,\"b\":u8", PodMatch::kShorter},
      {"{\"a\":u32", "{\"a\":u32[4]", PodMatch::kOther},  // the same field, of another type
      {"{\"a\":u32[4]", "{\"a\":u32", PodMatch::kOther},
      {"{\"a\":u3", "{\"a\":u32", PodMatch::kOther},
      {"{\"a\":u32,\"c\":u8", "{\"a\":u32,\"b\":u8", PodMatch::kOther},
      {"{\"a\":{\"x\":u8}", "{\"a\":{\"x\":u8,\"y\":u8}", PodMatch::kOther},  // a field within a field
      {"{\"b\":u32", "{\"a\":u32", PodMatch::kOther},
      {"{\"a\":u32", "", PodMatch::kOther},
      {"", "", PodMatch::kOther},
  };
  for (const auto& row : table) CHECK(match(row.wanted, row.found) == row.match);
}

void the_text_grows_from_any_length_to_any_length() {
  std::string all = "{";
  for (int i = 0; all.size() < 200; i++) all += (i > 0 ? "," : "") + std::string("\"f") + std::to_string(i) + "\":u8";
  for (size_t before = 1; before < 40; before++) {
    for (size_t after = before; after < 80; after++) {
      TextRing ring(all.substr(0, before));
      ring.append(all.substr(0, after));
      CHECK(ring.text() == all.substr(0, after));
    }
  }
}

void a_text_may_fill_its_room() {
  TextRing ring("{\"a\":u8");
  std::string full = "{\"a\":u8," + std::string(ring.ring.spec.schemaRoom - 8, 'x');
  ring.append(full);
  CHECK(ring.text() == full);
  Ring again;
  CHECK(attach_ring(ring.base.get(), ring.bytes, &again) == AttachStatus::kOk);
}

void bytes_of_a_writer_that_died_are_overwritten() {
  TextRing ring("{\"a\":u8");
  // It stored bytes behind the text, and not the length.
  memset(reinterpret_cast<char*>(ring.ring.schema) + 7, '?', 100);
  CHECK(ring.text() == "{\"a\":u8");
  ring.append("{\"a\":u8,\"b\":u16");
  CHECK(ring.text() == "{\"a\":u8,\"b\":u16");
}

void a_length_beyond_the_room_reads_as_no_text() {
  TextRing ring("{\"a\":u8");
  for (uint64_t claimed : {uint64_t{ring.ring.spec.schemaRoom} + 1, uint64_t{1} << 32, ~uint64_t{0}}) {
    ring.ring.header->schemaBytes = claimed;
    CHECK_EQUAL(schema_bytes(ring.ring), 0);
  }
  ring.ring.header->schemaBytes = ring.ring.spec.schemaRoom;
  CHECK_EQUAL(ring.text().size(), ring.ring.spec.schemaRoom);
}

}  // namespace

int main(int count, char** words) {
  parse_options(count, words);
  const Test tests[] = {
      TEST(pods_fit_together_when_one_begins_with_the_fields_of_the_other),
      TEST(the_text_grows_from_any_length_to_any_length),
      TEST(a_text_may_fill_its_room),
      TEST(bytes_of_a_writer_that_died_are_overwritten),
      TEST(a_length_beyond_the_room_reads_as_no_text),
  };
  return run_tests("schema_test", tests);
}
