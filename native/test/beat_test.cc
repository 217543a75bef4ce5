// beat.h in one thread: what a beat writes, what a reader makes of it, and every state that a death can leave.
#include "protocol/beat.h"

#include "check.h"

using namespace orbit;

namespace {

constexpr uint64_t kMember = 3;  // the incarnation that beats

NodeRecord record_of(uint64_t incarnation) {
  NodeRecord record = {};
  record.incarnation = incarnation;
  return record;
}

// A beat of which every byte follows from `name`.
Beat beat_of(uint64_t name) {
  Beat beat = {name, name * 3, name * 5, {}};
  for (uint32_t i = 0; i < kStatusBytes; i++) beat.status[i] = static_cast<uint8_t>(name * 7 + i);
  return beat;
}

bool has_beat(const NodeRecord& record) {
  uint64_t number;
  Beat beat;
  return read_beat(&record, kMember, &number, &beat);
}

void check_beat(const NodeRecord& record, uint64_t number, uint64_t name) {
  uint64_t found = 0;
  Beat beat, wanted = beat_of(name);
  CHECK(read_beat(&record, kMember, &found, &beat));
  CHECK_EQUAL(found, number);
  CHECK(memcmp(&beat, &wanted, sizeof beat) == 0);
}

void a_new_member_has_no_beat() { CHECK(!has_beat(record_of(kMember))); }

void the_last_beat_is_read_whole_and_numbered() {
  NodeRecord record = record_of(kMember);
  for (uint64_t number = 1; number <= 9; number++) {
    write_beat(&record, beat_of(number + 100));
    check_beat(record, number, number + 100);
    check_beat(record, number, number + 100);
  }
}

void a_beat_touches_nothing_of_its_record_but_the_heart() {
  NodeRecord records[2];
  memset(records, 0xa5, sizeof records);
  NodeRecord before = records[1];
  for (uint64_t name = 0; name < 4; name++) write_beat(&records[0], beat_of(name));
  CHECK(memcmp(&records[0], &before, offsetof(NodeRecord, beatCount)) == 0);
  CHECK(memcmp(&records[1], &before, sizeof before) == 0);
}

// As a writer that was killed after so many words of its next beat would have left it.
void a_writer_that_died_within_a_beat_leaves_the_one_before() {
  for (uint64_t made = 0; made < 4; made++) {
    for (size_t words = 0; words <= sizeof(Beat) / 8; words++) {
      NodeRecord record = record_of(kMember);
      for (uint64_t name = 1; name <= made; name++) write_beat(&record, beat_of(name));
      Beat next = beat_of(99);
      copy_to_shared(beat_words(&record, made + 1), &next, words * 8);
      CHECK_EQUAL(has_beat(record), made > 0);
      if (made > 0) check_beat(record, made, made);
    }
  }
}

void a_beat_of_the_last_owner_is_not_read() {
  NodeRecord record = record_of(kMember - 1);
  write_beat(&record, beat_of(1));
  CHECK(!has_beat(record));
  NodeRecord taken = record_of(kMember);
  copy_to_shared(reinterpret_cast<uint64_t*>(&record), &taken, sizeof taken);
  CHECK(!has_beat(record));
  write_beat(&record, beat_of(2));
  check_beat(record, 1, 2);
}

// The next owner writes from the first word on: after any word of that the last owner's beat is no longer given out.
void no_beat_is_read_while_a_next_owner_takes_the_node() {
  NodeRecord taken = record_of(kMember + 1);
  for (size_t words = 1; words <= sizeof taken / 8; words++) {
    NodeRecord record = record_of(kMember);
    write_beat(&record, beat_of(1));
    copy_to_shared(reinterpret_cast<uint64_t*>(&record), &taken, words * 8);
    CHECK(!has_beat(record));
  }
}

void any_bytes_give_a_beat_or_none() {
  Random random{1};
  uint32_t given = 0;
  for (int i = 0; i < 100000; i++) {
    NodeRecord record;
    uint64_t* words = reinterpret_cast<uint64_t*>(&record);
    for (size_t word = 0; word < sizeof record / 8; word++) words[word] = random.next();
    if (random.below(2) == 0) record.incarnation = kMember;
    if (random.below(4) == 0) record.beatCount = 0;
    bool expected = record.incarnation == kMember && record.beatCount != 0;
    CHECK_EQUAL(has_beat(record), expected);
    given += expected;
  }
  CHECK(given > 0);
}

// The last count that there can be: the heart goes on from the beginning.
void a_forged_count_stops_no_heart() {
  NodeRecord record = record_of(kMember);
  record.beatCount = ~uint64_t{0};
  CHECK(has_beat(record));
  write_beat(&record, beat_of(1));
  CHECK(!has_beat(record));
  write_beat(&record, beat_of(2));
  check_beat(record, 1, 2);
}

}  // namespace

int main(int count, char** words) {
  parse_options(count, words);
  const Test tests[] = {
      TEST(a_new_member_has_no_beat),
      TEST(the_last_beat_is_read_whole_and_numbered),
      TEST(a_beat_touches_nothing_of_its_record_but_the_heart),
      TEST(a_writer_that_died_within_a_beat_leaves_the_one_before),
      TEST(a_beat_of_the_last_owner_is_not_read),
      TEST(no_beat_is_read_while_a_next_owner_takes_the_node),
      TEST(any_bytes_give_a_beat_or_none),
      TEST(a_forged_count_stops_no_heart),
  };
  return run_tests("beat_test", tests);
}
