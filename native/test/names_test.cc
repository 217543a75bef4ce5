// The KINDs that a fleet gives to names (names.h).
#include "protocol/names.h"

#include <stdlib.h>

#include <string>

#include "check.h"

using namespace orbit;

namespace {

struct Names {
  KindName entries[kNamedKinds] = {};

  int32_t find(const std::string& name) const {
    return find_name(entries, name.data(), static_cast<uint32_t>(name.size()));
  }
  void store(int32_t index, const std::string& name) {
    store_name(&entries[index], name.data(), static_cast<uint32_t>(name.size()));
  }
};

void a_name_is_found_where_it_was_stored() {
  Names names;
  for (uint32_t i = 0; i < kNamedKinds; i++) {
    CHECK_EQUAL(free_name(names.entries), static_cast<int32_t>(i));
    names.store(static_cast<int32_t>(i), std::string(i % kTypeNameBytes + 1, static_cast<char>('a' + i / 64)));
  }
  CHECK_EQUAL(free_name(names.entries), -1);
  for (uint32_t i = 0; i < kNamedKinds; i++) {
    std::string name(i % kTypeNameBytes + 1, static_cast<char>('a' + i / 64));
    CHECK_EQUAL(names.find(name), static_cast<int32_t>(i));
    CHECK_EQUAL(name_bytes(&names.entries[i]), name.size());
  }
  CHECK_EQUAL(names.find("c"), -1);
}

void a_name_is_not_found_by_its_beginning_nor_by_more() {
  Names names;
  names.store(3, "sessions");
  CHECK_EQUAL(names.find("sessions"), 3);
  CHECK_EQUAL(names.find("session"), -1);
  CHECK_EQUAL(names.find("sessions2"), -1);
  names.store(1, "abcdefgh12");
  CHECK_EQUAL(names.find("abcdefgh13"), -1);
  CHECK_EQUAL(names.find("abcdefgh12"), 1);
}

void bytes_of_a_writer_that_died_are_no_name() {
  Names names;
  memcpy(names.entries[0].name, "theirs", 6);
  CHECK_EQUAL(names.find("theirs"), -1);
  CHECK_EQUAL(free_name(names.entries), 0);
  names.store(0, "ours");
  CHECK_EQUAL(names.find("ours"), 0);
}

void a_damaged_length_is_neither_a_name_nor_free() {
  Names names;
  names.store(0, "name");
  for (uint64_t bytes : {uint64_t{kTypeNameBytes} + 1, (uint64_t{1} << 32) + 4, ~uint64_t{0}}) {
    names.entries[0].bytes = bytes;
    CHECK_EQUAL(name_bytes(&names.entries[0]), 0);
    CHECK_EQUAL(names.find("name"), -1);
    CHECK_EQUAL(free_name(names.entries), 1);
  }
}

}  // namespace

int main(int count, char** words) {
  parse_options(count, words);
  const Test tests[] = {
      TEST(a_name_is_found_where_it_was_stored),
      TEST(a_name_is_not_found_by_its_beginning_nor_by_more),
      TEST(bytes_of_a_writer_that_died_are_no_name),
      TEST(a_damaged_length_is_neither_a_name_nor_free),
  };
  return run_tests("names_test", tests);
}
