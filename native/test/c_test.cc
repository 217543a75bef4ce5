// orbit.h: its calls, and what they refuse. Two members in this process are enough to see every call from both sides.
#include <poll.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <filesystem>
#include <string>
#include <thread>

#include "c/handles.h"
#include "c/orbit.h"
#include "check.h"
#include "fleet/removal.h"

namespace {

constexpr uint32_t kWaitMs = 60'000;  // a watchdog

#define CHECK_OK(call)                                                             \
  do {                                                                             \
    int okStatus = (call);                                                         \
    if (okStatus != ORBIT_OK) fprintf(stderr, "%s: %s\n", #call, orbit_message()); \
    CHECK_EQUAL(okStatus, ORBIT_OK);                                               \
  } while (0)

// The call fails with this status, its code, and a message that contains `text`.
#define CHECK_REFUSED(call, status, text)                                                  \
  do {                                                                                     \
    CHECK_EQUAL(call, status);                                                             \
    CHECK(std::string(orbit_code(status)).rfind("ERR_ORBIT_", 0) == 0);                    \
    bool says = strstr(orbit_message(), text) != nullptr;                                  \
    if (!says) fprintf(stderr, "\"%s\" does not contain \"%s\"\n", orbit_message(), text); \
    CHECK(says);                                                                           \
  } while (0)

// A member for the time of a test. The fleet ends with its last one.
struct Joined {
  explicit Joined(const char* name = "c", orbit_join_options options = {}) {
    options.struct_bytes = sizeof options;
    if (options.size == 0) options.size = 4;
    CHECK_OK(orbit_fleet_join(name, &options, &fleet));
  }
  Joined(const Joined&) = delete;
  Joined& operator=(const Joined&) = delete;
  ~Joined() { orbit_fleet_close(fleet); }
  orbit_ring* open(orbit_type type) {
    orbit_ring* ring;
    CHECK_OK(orbit_ring_open(fleet, &type, &ring));
    return ring;
  }
  orbit_counters* counters() {
    orbit_counters* counters;
    CHECK_OK(orbit_counters_open(fleet, nullptr, &counters));
    return counters;
  }
  orbit_fleet* fleet;
};

orbit_type facts() {
  orbit_type type = {};
  type.struct_bytes = sizeof type;
  type.name = "facts";
  type.kind = 9;
  type.capacity = 4;
  type.payload_bytes = 20;
  return type;
}

void publish(orbit_ring* ring, const char* text) {
  CHECK_OK(orbit_ring_publish(ring, text, strlen(text), 0, 0, nullptr));
}

void a_member_polls_what_another_publishes() {
  Joined one, two;
  CHECK(orbit_fleet_node(one.fleet) != orbit_fleet_node(two.fleet));
  orbit_ring *writer = one.open(facts()), *reader = two.open(facts());
  CHECK_EQUAL(orbit_ring_payload_bytes(reader), 20);
  uint64_t position = 0, published = 77;
  char payload[20];
  orbit_record record;
  CHECK_EQUAL(orbit_ring_poll(reader, &position, &record, payload, sizeof payload), ORBIT_NOTHING);
  CHECK_OK(orbit_ring_publish(writer, "first", 5, 123, 7, &published));
  CHECK_EQUAL(published, 0);
  CHECK_OK(orbit_ring_publish(writer, nullptr, 0, 0, 0, &published));
  CHECK_OK(orbit_ring_poll(reader, &position, &record, payload, sizeof payload));
  CHECK_EQUAL(position, 1);
  CHECK_EQUAL(record.position, 0);
  CHECK_EQUAL(record.version, 123);
  CHECK_EQUAL(record.node, orbit_fleet_node(one.fleet));
  CHECK_EQUAL(record.length, 5);
  CHECK_EQUAL(record.frame_kind, 7);
  CHECK_EQUAL(record.lost + record.malformed, 0);
  CHECK(memcmp(payload, "first", 5) == 0);
  CHECK_OK(orbit_ring_poll(reader, &position, &record, payload, sizeof payload));
  CHECK_EQUAL(record.length, 0);
}

void a_poll_counts_what_was_overwritten() {
  Joined member;
  orbit_ring* ring = member.open(facts());
  for (int i = 0; i < 11; i++) publish(ring, "x");
  uint64_t position = 0, head = 0, oldest = 0;
  char payload[20];
  orbit_record record;
  CHECK_OK(orbit_ring_head(ring, &head));
  CHECK_EQUAL(head, 11);
  CHECK_OK(orbit_ring_oldest(ring, &oldest));
  CHECK_EQUAL(oldest, 7);
  CHECK_OK(orbit_ring_poll(ring, &position, &record, payload, sizeof payload));
  CHECK_EQUAL(record.lost, 7);
  CHECK_EQUAL(record.position, 7);
  CHECK_EQUAL(position, 8);
}

void a_publisher_signals_the_bell_of_a_sleeper() {
  Joined sleeper, publisher;
  orbit_ring *asleep = sleeper.open(facts()), *ring = publisher.open(facts());
  int bell = -1;
  CHECK_OK(orbit_bell_open(sleeper.fleet, &bell));
  pollfd waited = {bell, POLLIN, 0};
  publish(ring, "unheard");
  CHECK_EQUAL(poll(&waited, 1, 0), 0);
  CHECK_OK(orbit_ring_sleep(asleep, 0));
  CHECK_EQUAL(orbit_ring_sleep(asleep, 1), ORBIT_NOTHING);
  publish(ring, "heard");
  CHECK_EQUAL(poll(&waited, 1, kWaitMs), 1);
  CHECK_OK(orbit_bell_clear(sleeper.fleet));
  CHECK_EQUAL(poll(&waited, 1, 0), 0);
  CHECK_OK(orbit_ring_sleep(asleep, 1));
  CHECK_EQUAL(orbit_ring_sleep(asleep, 2), ORBIT_NOTHING);
  CHECK_OK(orbit_ring_awake(asleep));
  publish(ring, "unheard");
  CHECK_EQUAL(poll(&waited, 1, 0), 0);
}

void a_wait_ends_with_the_record_of_another_thread() {
  Joined member;
  orbit_ring* ring = member.open(facts());
  CHECK_EQUAL(orbit_ring_wait(ring, 0, 0), ORBIT_NOTHING);
  CHECK_EQUAL(orbit_ring_wait(ring, 0, 20), ORBIT_NOTHING);
  std::thread other([] {
    Joined member;
    orbit_ring* ring = member.open(facts());
    for (int i = 0; i < 50; i++) {
      publish(ring, "ping");
      CHECK_OK(orbit_ring_wait(ring, static_cast<uint64_t>(2 * i + 1), kWaitMs));
    }
  });
  for (int i = 0; i < 50; i++) {
    CHECK_OK(orbit_ring_wait(ring, static_cast<uint64_t>(2 * i), kWaitMs));
    publish(ring, "pong");
  }
  other.join();
}

void two_members_add_to_one_counter() {
  Joined one, two;
  orbit_counters *here = one.counters(), *there = two.counters();
  int64_t value = 7;
  CHECK_EQUAL(orbit_counters_get(there, "hits", &value), ORBIT_NOTHING);
  CHECK_OK(orbit_counters_add(here, "hits", 40, nullptr));
  CHECK_OK(orbit_counters_add(there, "hits", 2, &value));
  CHECK_EQUAL(value, 42);
  CHECK_OK(orbit_counters_add(here, "hits", -100, nullptr));
  CHECK_OK(orbit_counters_get(there, "hits", &value));
  CHECK_EQUAL(value, -58);
  constexpr int64_t kMost = (int64_t{1} << 53) - 1;
  CHECK_REFUSED(orbit_counters_add(here, "hits", INT64_MAX, &value), ORBIT_EXHAUSTED, "2^53-1");
  CHECK_OK(orbit_counters_add(here, "hits", kMost + 58, &value));
  CHECK_EQUAL(value, kMost);
  CHECK_REFUSED(orbit_counters_add(here, "hits", 1, &value), ORBIT_EXHAUSTED, "hits");
  CHECK_OK(orbit_counters_get(there, "hits", &value));
  CHECK_EQUAL(value, kMost);
}

void tables_of_counters_differ_by_their_names() {
  Joined member;
  orbit_counters *plain = member.counters(), *named;
  orbit_counters_options options = {sizeof options, "own", 16, 16};
  CHECK_OK(orbit_counters_open(member.fleet, &options, &named));
  int64_t value = 0;
  CHECK_OK(orbit_counters_add(named, "hits", 1, nullptr));
  CHECK_EQUAL(orbit_counters_get(plain, "hits", &value), ORBIT_NOTHING);
  CHECK_REFUSED(orbit_counters_add(named, "a name of 17 byte", 1, nullptr), ORBIT_OUT_OF_RANGE, "1..16 bytes");
  int status = ORBIT_OK;
  for (int i = 0; i < 1000 && status == ORBIT_OK; i++) {
    status = orbit_counters_add(named, std::to_string(i).c_str(), 1, nullptr);
  }
  CHECK_REFUSED(status, ORBIT_TABLE_FULL, "larger capacity");
}

void pods_are_compared_by_their_texts() {
  Joined one, two;
  orbit_type type = facts();
  type.payload_bytes = 0;
  type.pod = "{\"a\":u32}";
  type.pod_bytes = 4;
  orbit_ring *narrow = one.open(type), *other;
  CHECK_EQUAL(orbit_ring_payload_bytes(narrow), 40);
  uint32_t value = 5;
  CHECK_OK(orbit_ring_publish(narrow, &value, sizeof value, 0, 0, nullptr));
  const orbit::Writer& writer = narrow->opened->writer;  // for Orbital.loadPerNode
  CHECK_EQUAL(writer.ring.entries[writer.node].latestCount, 1);
  CHECK_REFUSED(orbit_ring_publish(narrow, &value, 3, 0, 0, nullptr), ORBIT_PAYLOAD_SIZE, "bytes=3 must be 4");
  orbit_type longer = type, wrong = type, bytes = facts();
  longer.pod = "{\"a\":u32,\"b\":u32}";
  longer.pod_bytes = 8;
  two.open(longer);
  two.open(type);
  wrong.pod = "{\"a\":f32}";
  CHECK_REFUSED(orbit_ring_open(two.fleet, &wrong, &other), ORBIT_TYPE_MISMATCH, "f32");
  CHECK(other == nullptr);
  CHECK_REFUSED(orbit_ring_open(two.fleet, &bytes, &other), ORBIT_TYPE_MISMATCH, "no pod");
}

void a_name_has_one_kind() {
  Joined one, two;
  orbit_type type = facts();
  type.kind = ORBIT_KIND_OF_NAME;
  orbit_ring *here = one.open(type), *there = two.open(type);
  publish(here, "x");
  CHECK_OK(orbit_ring_wait(there, 0, 0));
  orbit_ring* other;
  type.name = "orbit.cache";
  CHECK_REFUSED(orbit_ring_open(one.fleet, &type, &other), ORBIT_OUT_OF_RANGE, "orbit.");
}

void a_join_refuses_wrong_options() {
  orbit_fleet* fleet = reinterpret_cast<orbit_fleet*>(1);
  orbit_join_options options = {};
  CHECK_REFUSED(orbit_fleet_join("c", &options, &fleet), ORBIT_INVALID_ARGUMENT, "struct_bytes=0 must be");
  CHECK(fleet == nullptr);
  options.struct_bytes = sizeof options;
  CHECK_REFUSED(orbit_fleet_join(nullptr, nullptr, &fleet), ORBIT_INVALID_ARGUMENT, "name=NULL");
  CHECK_REFUSED(orbit_fleet_join("c", nullptr, nullptr), ORBIT_INVALID_ARGUMENT, "fleet=NULL");
  CHECK_REFUSED(orbit_fleet_join("", nullptr, &fleet), ORBIT_OUT_OF_RANGE, "1..64 bytes");
  CHECK_REFUSED(orbit_fleet_join("../c", nullptr, &fleet), ORBIT_OUT_OF_RANGE, "letters, digits");
  CHECK_REFUSED(orbit_fleet_join(std::string(65, 'c').c_str(), nullptr, &fleet), ORBIT_OUT_OF_RANGE, "1..64");
  options.size = 65537;
  CHECK_REFUSED(orbit_fleet_join("c", &options, &fleet), ORBIT_OUT_OF_RANGE, "size=65537 must be in 0..65536");
  options.size = 4;
  options.lifetime = 3;
  CHECK_REFUSED(orbit_fleet_join("c", &options, &fleet), ORBIT_OUT_OF_RANGE, "lifetime=3");
  options.lifetime = ORBIT_LIFETIME_FLEET;
  options.timeout_ms = UINT32_MAX;
  CHECK_REFUSED(orbit_fleet_join("c", &options, &fleet), ORBIT_OUT_OF_RANGE, "timeout_ms");
  options.timeout_ms = 0;
  options.takes_node = 1;
  options.node = 4;
  CHECK_REFUSED(orbit_fleet_join("c", &options, &fleet), ORBIT_OUT_OF_RANGE, "node=4 must be in 0..3");
  orbit_fleet_close(nullptr);
}

void a_join_refuses_what_the_fleet_does_not_allow() {
  Joined first;
  orbit_fleet* fleet;
  orbit_join_options options = {};
  options.struct_bytes = sizeof options;
  options.size = 8;
  CHECK_REFUSED(orbit_fleet_join("c", &options, &fleet), ORBIT_TYPE_MISMATCH, "size=8");
  options.size = 0;
  options.takes_node = 1;
  options.node = orbit_fleet_node(first.fleet);
  CHECK_REFUSED(orbit_fleet_join("c", &options, &fleet), ORBIT_NODE_TAKEN, "is held by a living member");
  Joined second, third, fourth;
  CHECK_REFUSED(orbit_fleet_join("c", nullptr, &fleet), ORBIT_FLEET_FULL, "all are in use");
}

void a_ring_refuses_wrong_types() {
  Joined member;
  orbit_ring* ring;
  auto refuses = [&](orbit_type type, int status, const char* text) {
    CHECK_REFUSED(orbit_ring_open(member.fleet, &type, &ring), status, text);
    CHECK(ring == nullptr);
  };
  auto with = [](auto change) {
    orbit_type type = facts();
    change(type);
    return type;
  };
  refuses(with([](auto& type) { type.struct_bytes--; }), ORBIT_INVALID_ARGUMENT, "type.struct_bytes");
  refuses(with([](auto& type) { type.name = nullptr; }), ORBIT_INVALID_ARGUMENT, "name=NULL");
  refuses(with([](auto& type) { type.name = ""; }), ORBIT_OUT_OF_RANGE, "1..64 bytes");
  refuses(with([](auto& type) { type.kind = 128; }), ORBIT_OUT_OF_RANGE, "kind=128 must be in 0..127");
  refuses(with([](auto& type) { type.kind = -2; }), ORBIT_OUT_OF_RANGE, "kind=-2");
  refuses(with([](auto& type) { type.capacity = 1000; }), ORBIT_OUT_OF_RANGE, "capacity=1000 must be a power of two");
  refuses(with([](auto& type) { type.capacity = 1 << 20; }), ORBIT_OUT_OF_RANGE, "capacity=1048576");
  refuses(with([](auto& type) { type.payload_bytes = 1 << 25; }), ORBIT_OUT_OF_RANGE, "payload_bytes=33554432");
  refuses(with([](auto& type) { type.pod_bytes = 4; }), ORBIT_OUT_OF_RANGE, "pod_bytes=4");
  refuses(with([](auto& type) { type.pod = "u32"; }), ORBIT_OUT_OF_RANGE, "must be {...}");
  member.open(facts());
  refuses(with([](auto& type) { type.capacity = 8; }), ORBIT_TYPE_MISMATCH, "capacity=8");
  refuses(with([](auto& type) { type.name = "other"; }), ORBIT_TYPE_MISMATCH, "name=other");
  CHECK_REFUSED(orbit_ring_open(member.fleet, nullptr, &ring), ORBIT_INVALID_ARGUMENT, "type=NULL");
  CHECK_REFUSED(orbit_ring_open(nullptr, nullptr, &ring), ORBIT_INVALID_ARGUMENT, "fleet=NULL");
}

void a_ring_refuses_wrong_arguments() {
  Joined member;
  orbit_ring* ring = member.open(facts());
  char bytes[21] = {};
  uint64_t position = 0;
  orbit_record record;
  CHECK_REFUSED(orbit_ring_publish(ring, bytes, 21, 0, 0, nullptr), ORBIT_PAYLOAD_SIZE, "bytes=21 must be at most 20");
  CHECK_REFUSED(orbit_ring_publish(ring, bytes, SIZE_MAX, 0, 0, nullptr), ORBIT_PAYLOAD_SIZE, "at most 20");
  CHECK_REFUSED(orbit_ring_publish(ring, nullptr, 1, 0, 0, nullptr), ORBIT_INVALID_ARGUMENT, "payload=NULL");
  CHECK_REFUSED(orbit_ring_publish(ring, bytes, 1, UINT64_MAX, 0, nullptr), ORBIT_OUT_OF_RANGE, "version");
  CHECK_REFUSED(orbit_ring_publish(nullptr, bytes, 1, 0, 0, nullptr), ORBIT_INVALID_ARGUMENT, "ring=NULL");
  CHECK_REFUSED(orbit_ring_poll(ring, &position, &record, bytes, 19), ORBIT_OUT_OF_RANGE, "room=19 must be");
  CHECK_REFUSED(orbit_ring_poll(ring, &position, &record, nullptr, 20), ORBIT_INVALID_ARGUMENT, "payload=NULL");
  CHECK_REFUSED(orbit_ring_poll(ring, nullptr, &record, bytes, 20), ORBIT_INVALID_ARGUMENT, "position=NULL");
  CHECK_REFUSED(orbit_ring_poll(ring, &position, nullptr, bytes, 20), ORBIT_INVALID_ARGUMENT, "record=NULL");
  CHECK_REFUSED(orbit_ring_head(ring, nullptr), ORBIT_INVALID_ARGUMENT, "position=NULL");
  CHECK_REFUSED(orbit_bell_open(member.fleet, nullptr), ORBIT_INVALID_ARGUMENT, "descriptor=NULL");
  CHECK_EQUAL(orbit_ring_payload_bytes(nullptr), 0);
  // Any position may be asked for.
  position = UINT64_MAX;
  CHECK_EQUAL(orbit_ring_poll(ring, &position, &record, bytes, 20), ORBIT_NOTHING);
  CHECK_EQUAL(position, UINT64_MAX);
  CHECK_EQUAL(orbit_ring_sleep(ring, UINT64_MAX), ORBIT_NOTHING);
  CHECK_EQUAL(orbit_ring_wait(ring, UINT64_MAX, 1), ORBIT_NOTHING);
}

void counters_refuse_wrong_arguments() {
  Joined member;
  orbit_counters *counters = member.counters(), *other;
  int64_t value;
  CHECK_REFUSED(orbit_counters_add(counters, "", 1, nullptr), ORBIT_OUT_OF_RANGE, "1..64 bytes");
  CHECK_REFUSED(orbit_counters_add(counters, nullptr, 1, nullptr), ORBIT_INVALID_ARGUMENT, "name=NULL");
  CHECK_REFUSED(orbit_counters_get(counters, "x", nullptr), ORBIT_INVALID_ARGUMENT, "value=NULL");
  CHECK_REFUSED(orbit_counters_get(nullptr, "x", &value), ORBIT_INVALID_ARGUMENT, "counters=NULL");
  orbit_counters_options options = {sizeof options, nullptr, 1000, 0};
  CHECK_REFUSED(orbit_counters_open(member.fleet, &options, &other), ORBIT_OUT_OF_RANGE, "power of two");
  options = {sizeof options, nullptr, 8, 0};
  CHECK_REFUSED(orbit_counters_open(member.fleet, &options, &other), ORBIT_OUT_OF_RANGE, "capacity=8");
  options = {sizeof options, nullptr, 0, 129};
  CHECK_REFUSED(orbit_counters_open(member.fleet, &options, &other), ORBIT_OUT_OF_RANGE, "name_bytes=129");
  options = {1, nullptr, 0, 0};
  CHECK_REFUSED(orbit_counters_open(member.fleet, &options, &other), ORBIT_INVALID_ARGUMENT, "struct_bytes=1");
}

void a_removed_fleet_is_reported_by_each_call() {
  Joined member("removed");
  orbit_ring *ring = member.open(facts()), *other;
  orbit_counters* counters = member.counters();
  orbit::remove_fleet("removed", -1, true);
  char payload[20];
  uint64_t position = 0;
  int bell;
  orbit_record record;
  orbit_type type = facts();
  CHECK_REFUSED(orbit_ring_publish(ring, "x", 1, 0, 0, nullptr), ORBIT_RETIRED, "facts (kind 9): it was removed");
  CHECK_REFUSED(orbit_ring_poll(ring, &position, &record, payload, 20), ORBIT_RETIRED, "join again");
  CHECK_REFUSED(orbit_ring_wait(ring, 0, kWaitMs), ORBIT_RETIRED, "join again");
  CHECK_REFUSED(orbit_ring_sleep(ring, 0), ORBIT_RETIRED, "join again");
  CHECK_REFUSED(orbit_counters_add(counters, "x", 1, nullptr), ORBIT_RETIRED, "orbit.counters");
  CHECK_REFUSED(orbit_bell_open(member.fleet, &bell), ORBIT_RETIRED, "join again");
  type.kind = 10;
  CHECK_REFUSED(orbit_ring_open(member.fleet, &type, &other), ORBIT_RETIRED, "join again");
}

void damage_is_reported_as_such() {
  Joined member("damaged");
  std::string path = std::string(getenv("ORBIT_DIRECTORY")) + "/orbit-damaged-9-" + std::to_string(geteuid());
  member.open(facts());
  CHECK_EQUAL(truncate(path.c_str(), 100000), 0);  // longer: no mapping loses a page
  Joined second("damaged");
  orbit_ring* ring;
  orbit_type type = facts();
  CHECK_REFUSED(orbit_ring_open(second.fleet, &type, &ring), ORBIT_CORRUPT, "does not agree with its header");
}

void all_handles_are_closed_in_a_child_of_fork() {
  Joined member;
  orbit_ring* ring = member.open(facts());
  pid_t child = fork();
  if (child == 0) {
    orbit_fleet* again;
    CHECK_REFUSED(orbit_ring_publish(ring, "x", 1, 0, 0, nullptr), ORBIT_CLOSED, "was forked");
    CHECK_REFUSED(orbit_counters_open(member.fleet, nullptr, nullptr), ORBIT_INVALID_ARGUMENT, "counters=NULL");
    CHECK_REFUSED(orbit_fleet_join("c", nullptr, &again), ORBIT_CLOSED, "was forked");
    orbit_fleet_close(member.fleet);
    _exit(0);
  }
  int status;
  CHECK_EQUAL(waitpid(child, &status, 0), child);
  CHECK_EQUAL(status, 0);
  publish(ring, "the parent goes on");
}

void each_error_has_a_code() {
  for (int status = ORBIT_SYSTEM; status < 0; status++) CHECK(strlen(orbit_code(status)) > 10);
  for (int status : {0, 1, 2, ORBIT_SYSTEM - 1, INT32_MIN}) CHECK_EQUAL(strlen(orbit_code(status)), 0);
  CHECK_EQUAL(orbit_errno(), 0);
}

// Removes a folder once this process has ended, even when a test failed. A process of its own does it, and not this one
// by a fork: a child of fork has no handles.
struct Folder {
  Folder() {
    CHECK(mkdtemp(path) != nullptr && pipe(ends) == 0);
    cleaner = fork();
    CHECK(cleaner >= 0);
    if (cleaner > 0) return;
    close(ends[1]);
    char nothing;
    while (read(ends[0], &nothing, 1) > 0) {
    }
    std::filesystem::remove_all(path);
    _exit(0);
  }
  ~Folder() {
    close(ends[1]);
    waitpid(cleaner, nullptr, 0);
  }
  char path[32] = "/tmp/orbit-c-XXXXXX";
  int ends[2];
  pid_t cleaner;
};

}  // namespace

int main(int count, char** words) {
  parse_options(count, words);
  Folder folder;
  setenv("ORBIT_DIRECTORY", folder.path, 1);
  const Test tests[] = {
      TEST(a_member_polls_what_another_publishes),
      TEST(a_poll_counts_what_was_overwritten),
      TEST(a_publisher_signals_the_bell_of_a_sleeper),
      TEST(a_wait_ends_with_the_record_of_another_thread),
      TEST(two_members_add_to_one_counter),
      TEST(tables_of_counters_differ_by_their_names),
      TEST(pods_are_compared_by_their_texts),
      TEST(a_name_has_one_kind),
      TEST(a_join_refuses_wrong_options),
      TEST(a_join_refuses_what_the_fleet_does_not_allow),
      TEST(a_ring_refuses_wrong_types),
      TEST(a_ring_refuses_wrong_arguments),
      TEST(counters_refuse_wrong_arguments),
      TEST(a_removed_fleet_is_reported_by_each_call),
      TEST(damage_is_reported_as_such),
      TEST(all_handles_are_closed_in_a_child_of_fork),
      TEST(each_error_has_a_code),
  };
  return run_tests("c_test", tests);
}
