// table.h on plain memory, one thread: every operation, a random program against a simple model, races arranged in the
// middle of a call, hostile cards, numbers at their end, and settling after a death at each step.
//
// A race is arranged where the table asks whether a holder lives: there the peer makes its own transition; elsewhere by
// peer.h.
#include "protocol/table.h"

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "check.h"
#include "peer.h"
#include "protocol/settle.h"

using namespace orbit;

namespace {

constexpr uint32_t kFleetSize = 4;
constexpr uint32_t kCardClaims = kCardBytes / kMaxClaimBytes;  // how many of the largest claims fill a card
uint64_t g_seed = 1;

// ---- a table in private memory -------------------------------------------------------------------------------------

RingSpec spec_of(uint32_t capacity, uint32_t payloadBytes) {
  RingSpec spec;
  spec.typeKind = 222;
  spec.capacity = capacity;
  spec.payloadBytes = payloadBytes;
  spec.fleetSize = kFleetSize;
  return spec;
}

Subject subject_of(const std::string& label, uint8_t kind = 0) {
  return {label.data(), static_cast<uint32_t>(label.size()), kind};
}

bool all_alive(uint32_t, uint64_t) { return true; }

struct Outcome {
  TableStatus status;
  Claim claim;
  uint64_t stamp;
  bool is(TableStatus wanted) const { return status == wanted; }
  std::string owner() const { return std::string(reinterpret_cast<const char*>(claim.owner), claim.ownerBytes); }
  std::string subject() const { return std::string(reinterpret_cast<const char*>(claim.subject), claim.subjectBytes); }
};

struct Table {
  static constexpr uint64_t kGuardBytes = 256;
  uint64_t bytes;
  std::unique_ptr<uint8_t, Free> base;
  Ring ring;
  Writer writers[kFleetSize];
  uint64_t incarnations[kFleetSize] = {1, 1, 1, 1};
  uint64_t nowMs = 1000;
  uint64_t asked = 0;             // how often the table asked whether a node lives
  std::function<void()> onAsked;  // what a peer does just then, once
  std::set<uint64_t> withMemory;  // chunks
  bool isFull = false;            // the system has no memory left

  explicit Table(uint32_t capacity = 4, uint32_t payloadBytes = kCardBytes)
      : bytes(ring_bytes(spec_of(capacity, payloadBytes))) {
    base.reset(static_cast<uint8_t*>(aligned_alloc(64, align_line(bytes + kGuardBytes))));
    memset(base.get(), 0x5a, bytes + kGuardBytes);  // a dead creator may have left anything
    format_table(base.get(), spec_of(capacity, payloadBytes), 0);
    CHECK(attach_table(base.get(), bytes, &ring) == AttachStatus::kOk);
    for (uint32_t node = 0; node < kFleetSize; node++) settle_node(node);
  }
  ~Table() {
    for (uint64_t i = 0; i < kGuardBytes; i++) CHECK_EQUAL(base.get()[bytes + i], 0x5a);
  }
  void settle_node(uint32_t node) {
    CHECK(become_writer(ring, node, &writers[node]) == RingStatus::kOk);
    writers[node].memory = {allocate, this};
    withMemory.insert(writers[node].hand);
  }
  static bool allocate(void* context, uint32_t chunk) {
    Table* table = static_cast<Table*>(context);
    if (!table->isFull) table->withMemory.insert(chunk);
    return !table->isFull;
  }
  void kill(uint32_t node) { incarnations[node]++; }

  auto alive() {
    return [this](uint32_t node, uint64_t incarnation) {
      CHECK(node < kFleetSize);
      asked++;
      std::function<void()> act;
      act.swap(onAsked);
      if (act) act();
      return incarnations[node] == incarnation;
    };
  }
  Outcome claim(uint32_t node, const std::string& label, uint64_t ttlMs, const std::string& owner = "",
                uint8_t kind = 0) {
    Outcome outcome;
    memset(&outcome, 0xee, sizeof outcome);
    Request request = {
        subject_of(label, kind), owner.data(), static_cast<uint32_t>(owner.size()), incarnations[node], nowMs,
        nowMs + 1700000000000,   ttlMs};
    outcome.status = claim_subject(&writers[node], request, alive(), &outcome.claim, &outcome.stamp);
    return outcome;
  }
  uint64_t must_claim(uint32_t node, const std::string& label, uint64_t ttlMs) {
    Outcome outcome = claim(node, label, ttlMs);
    CHECK_EQUAL(outcome.status, TableStatus::kDone);
    return outcome.claim.token;
  }
  TableStatus renew(uint32_t node, const std::string& label, uint64_t token, uint64_t ttlMs) {
    return renew_claim(&writers[node], subject_of(label), token, expiry_of(nowMs, ttlMs), nowMs);
  }
  TableStatus release(uint32_t node, const std::string& label, uint64_t token) {
    return release_claim(&writers[node], subject_of(label), token, nowMs);
  }
  Outcome find(const std::string& label, uint8_t kind = 0) {
    Outcome outcome;
    outcome.status = find_holder(ring, subject_of(label, kind), nowMs, alive(), &outcome.claim, &outcome.stamp);
    return outcome;
  }
  std::map<std::string, uint64_t> all() {
    std::map<std::string, uint64_t> tokens;
    CHECK_EQUAL(for_each_claim(ring, nowMs, alive(),
                               [&](const Claim& claim) {
                                 std::string label(reinterpret_cast<const char*>(claim.subject), claim.subjectBytes);
                                 CHECK(tokens.emplace(label, claim.token).second);
                               }),
                TableStatus::kDone);
    return tokens;
  }
  std::vector<uint8_t> snapshot() const { return std::vector<uint8_t>(base.get(), base.get() + bytes); }
  bool is_as(const std::vector<uint8_t>& before) const { return memcmp(before.data(), base.get(), bytes) == 0; }
  ChunkHeader* card(uint32_t bucket) const { return chunk_at(ring, chunk_in(ring.slots[bucket])); }
  uint32_t bucket(const std::string& label) const { return bucket_of(ring, subject_of(label)); }
};

// I1: every chunk in one place, the burned ones in none.
void check_permutation(const Table& table) {
  const Ring& ring = table.ring;
  std::set<uint64_t> seen;
  for (uint32_t i = 0; i <= ring.mask; i++) {
    CHECK(seen.insert(chunk_in(ring.slots[i])).second);
    CHECK(lap_in(ring.slots[i]) == 0 || table.withMemory.count(chunk_in(ring.slots[i])) == 1);
  }
  for (uint32_t node = 0; node < kFleetSize; node++) {
    CHECK_EQUAL(ring.entries[node].intentPosition, 0);
    CHECK_EQUAL(ring.entries[node].hand, table.writers[node].hand);
    CHECK_EQUAL(table.withMemory.count(table.writers[node].hand), 1);
    CHECK(seen.insert(ring.entries[node].hand).second);
  }
  for (uint64_t i = ring.header->sparesTaken; i < ring.spareCount; i++) CHECK(seen.insert(ring.spares[i]).second);
  CHECK(*seen.rbegin() < ring.chunkCount);
  CHECK_EQUAL(seen.size() + ring.header->burned, ring.chunkCount);
}

// ---- each operation ------------------------------------------------------------------------------------------------

void the_first_claim_holds_and_the_second_learns_the_holder() {
  Table table;
  Outcome first = table.claim(1, "door", 500, "alice", 7);
  CHECK(first.is(TableStatus::kDone));
  Outcome second = table.claim(2, "door", 500, "bob", 7);
  CHECK(second.is(TableStatus::kYield));
  CHECK(first.stamp == 0 && second.stamp == 1);
  for (const Outcome& outcome : {first, second, table.find("door", 7)}) {
    CHECK_EQUAL(outcome.claim.token, 1);
    CHECK_EQUAL(outcome.claim.expiresAtMs, 1500);
    CHECK_EQUAL(outcome.claim.claimedAtMs, 1700000001000);
    CHECK_EQUAL(outcome.claim.incarnation, 1);
    CHECK_EQUAL(outcome.claim.node, 1);
    CHECK_EQUAL(outcome.claim.subjectKind, 7);
    CHECK(outcome.subject() == "door" && outcome.owner() == "alice");
  }
}

void a_claim_for_life_ends_with_its_holder_and_not_with_time() {
  Table table;
  uint64_t token = table.must_claim(1, "door", kForLifeMs);
  for (uint64_t nowMs : {uint64_t{1} << 31, uint64_t{1} << 50, kNeverMs - 1}) {
    table.nowMs = nowMs;
    CHECK(table.claim(2, "door", 500).is(TableStatus::kYield));
    CHECK_EQUAL(table.find("door").claim.expiresAtMs, kNeverMs);
  }
  CHECK_EQUAL(table.renew(1, "door", token, kForLifeMs), TableStatus::kDone);
  table.incarnations[1]++;  // the holder dies
  table.nowMs = 1000;
  CHECK(table.claim(2, "door", 500).is(TableStatus::kDone));
}

void a_renewal_makes_a_claim_for_life_expire_or_one_that_expires_last() {
  Table table;
  uint64_t token = table.must_claim(1, "door", kForLifeMs);
  CHECK_EQUAL(table.renew(1, "door", token, 500), TableStatus::kDone);
  table.nowMs += 500;
  CHECK(table.find("door").is(TableStatus::kNone));
  token = table.must_claim(2, "door", 500);
  CHECK_EQUAL(table.renew(2, "door", token, kForLifeMs), TableStatus::kDone);
  table.nowMs += 500;
  CHECK(table.find("door").is(TableStatus::kDone));
  CHECK_EQUAL(table.release(2, "door", token), TableStatus::kDone);
  CHECK(table.find("door").is(TableStatus::kNone));
}

void other_labels_and_other_kinds_do_not_compete() {
  Table table(1);
  CHECK(table.claim(0, "a", 500, "", 1).is(TableStatus::kDone));
  CHECK(table.claim(1, "a", 500, "", 2).is(TableStatus::kDone));
  CHECK(table.claim(2, "ab", 500, "", 1).is(TableStatus::kDone));
  CHECK(table.claim(3, "", 500, "", 1).is(TableStatus::kDone));
  CHECK(table.claim(3, std::string("a\0", 2), 500, "", 1).is(TableStatus::kDone));
  CHECK(table.claim(0, "", 500, "", 1).is(TableStatus::kYield));
  CHECK_EQUAL(table.find("a", 2).claim.node, 1);
  CHECK(table.find("b").is(TableStatus::kNone));
}

void a_second_claim_of_the_holder_yields_to_its_first() {
  Table table;
  uint64_t token = table.must_claim(0, "door", 500);
  Outcome again = table.claim(0, "door", 500);
  CHECK(again.is(TableStatus::kYield));
  CHECK_EQUAL(again.claim.token, token);
  CHECK_EQUAL(table.asked, 0);
}

void a_released_subject_is_free_and_its_next_token_is_higher() {
  Table table;
  uint64_t first = table.must_claim(0, "door", 500);
  CHECK_EQUAL(table.release(0, "door", first), TableStatus::kDone);
  CHECK(table.find("door").is(TableStatus::kNone));
  uint64_t second = table.must_claim(1, "door", 500);
  CHECK(second > first);
  CHECK_EQUAL(table.release(0, "door", first), TableStatus::kNone);
  CHECK_EQUAL(table.find("door").claim.token, second);
}

void an_expired_claim_neither_blocks_nor_can_be_renewed_nor_released() {
  Table table;
  uint64_t first = table.must_claim(0, "door", 500);
  table.nowMs += 499;
  CHECK(table.claim(1, "door", 500).is(TableStatus::kYield));
  table.nowMs += 1;
  CHECK(table.find("door").is(TableStatus::kNone));
  CHECK(table.all().empty());
  std::vector<uint8_t> before = table.snapshot();
  CHECK_EQUAL(table.renew(0, "door", first, 500), TableStatus::kNone);
  CHECK_EQUAL(table.release(0, "door", first), TableStatus::kNone);
  CHECK(table.is_as(before));
  CHECK(table.must_claim(1, "door", 500) > first);
  CHECK_EQUAL(table.renew(0, "door", first, 500), TableStatus::kNone);
  CHECK_EQUAL(table.asked, 1);  // by the yield; never about the expired one
}

// A caller may be delayed between its look at the clock and its call.
void an_old_time_finds_free_what_a_later_one_saw_expire() {
  Table table(1);
  uint64_t first = table.must_claim(0, "s", 500);
  table.nowMs = 1500;
  table.must_claim(1, "another of the bucket", 500);  // drops what has expired
  table.nowMs = 1499;
  uint64_t second = table.must_claim(2, "s", 500);
  CHECK(second > first);
  CHECK_EQUAL(table.renew(0, "s", first, 500), TableStatus::kNone);
  CHECK_EQUAL(table.release(0, "s", first), TableStatus::kNone);
  CHECK_EQUAL(table.find("s").claim.token, second);
}

void renewing_survives_the_first_expiry_and_keeps_the_token() {
  Table table;
  uint64_t token = table.must_claim(0, "door", 500);
  table.nowMs += 400;
  CHECK_EQUAL(table.renew(0, "door", token, 500), TableStatus::kDone);
  table.nowMs += 499;
  Outcome second = table.claim(1, "door", 500);
  CHECK(second.is(TableStatus::kYield));
  CHECK_EQUAL(second.claim.token, token);
  CHECK_EQUAL(second.claim.expiresAtMs, 1900);
}

void a_dead_holder_frees_its_subject_at_once() {
  Table table;
  uint64_t first = table.must_claim(0, "door", 1000000);
  table.kill(0);
  CHECK(table.find("door").is(TableStatus::kNone));
  CHECK(table.all().empty());
  uint64_t second = table.must_claim(1, "door", 500);
  CHECK(second > first);
  CHECK_EQUAL(table.find("door").claim.node, 1);
}

void a_node_with_a_new_owner_does_not_hold_what_its_last_owner_held() {
  Table table;
  uint64_t first = table.must_claim(0, "door", 1000000);
  table.kill(0);
  table.settle_node(0);
  Outcome again = table.claim(0, "door", 500);
  CHECK(again.is(TableStatus::kDone));
  CHECK(again.claim.token > first);
  CHECK_EQUAL(again.claim.incarnation, 2);
  CHECK_EQUAL(table.all().size(), 1);
}

void a_claim_asks_about_life_only_for_the_subject_that_is_in_the_way() {
  Table table(1);
  for (const char* label : {"a", "b", "c"}) table.must_claim(0, label, 500);
  CHECK_EQUAL(table.asked, 0);
  CHECK(table.claim(1, "b", 500).is(TableStatus::kYield));
  CHECK_EQUAL(table.asked, 1);
}

void a_lost_try_writes_not_a_byte() {
  Table table;
  uint64_t token = table.must_claim(0, "door", 500);
  std::vector<uint8_t> before = table.snapshot();
  CHECK(table.claim(1, "door", 500).is(TableStatus::kYield));
  CHECK_EQUAL(table.renew(1, "door", token + 1, 500), TableStatus::kNone);
  CHECK_EQUAL(table.release(1, "door", token + 1), TableStatus::kNone);
  CHECK(table.find("door").is(TableStatus::kDone));
  CHECK(table.all().size() == 1);
  CHECK(table.is_as(before));
}

void a_card_has_the_bytes_of_version_1() {
  Table table;
  CHECK(table.claim(2, "door", 500, "me", 7).is(TableStatus::kDone));
  ChunkHeader* card = table.card(bucket_of(table.ring, subject_of("door", 7)));
  const uint64_t expected[] = {1, 1500, 1700000001000, 1,
                               2 | uint64_t{7} << 32 | uint64_t{4} << 40 | uint64_t{2} << 48};
  CHECK_EQUAL(card->version, 1);
  CHECK_EQUAL(card->length, 48);
  CHECK(memcmp(payload_at(card), expected, sizeof expected) == 0);
  CHECK(memcmp(payload_at(card) + 5, "doorme\0\0", 8) == 0);
}

void a_waiter_sees_that_its_bucket_has_changed() {
  Table table;
  uint64_t token = table.must_claim(0, "door", 500);
  Outcome lost = table.claim(1, "door", 500);
  uint32_t bucket = table.bucket("door");
  CHECK(!has_changed(table.ring, bucket, lost.stamp));
  CHECK_EQUAL(table.find("door").stamp, lost.stamp);
  CHECK_EQUAL(table.release(0, "door", token), TableStatus::kDone);
  CHECK(has_changed(table.ring, bucket, lost.stamp));
}

void what_is_too_large_is_refused_and_what_just_fits_is_not() {
  Table table;
  std::string longest(kMaxSubjectBytes, 's'), owner(kMaxOwnerBytes, 'o');
  std::vector<uint8_t> before = table.snapshot();
  CHECK(table.claim(0, longest + "s", 500).is(TableStatus::kTooLarge));
  CHECK(table.claim(0, longest, 500, owner + "o").is(TableStatus::kTooLarge));
  CHECK(table.is_as(before));
  CHECK(table.claim(0, longest, 500, owner).is(TableStatus::kDone));
  Outcome found = table.find(longest);
  CHECK(found.subject() == longest && found.owner() == owner);

  Table small(1, claim_bytes(8, 8));
  CHECK(small.claim(0, "12345678", 500, "12345678").is(TableStatus::kDone));
  CHECK(small.claim(0, "12345678", 500, "123456789").is(TableStatus::kTooLarge));
  Table none(1, 0);
  CHECK(none.claim(0, "", 500).is(TableStatus::kTooLarge));
  CHECK(none.find("").is(TableStatus::kNone));
}

void a_full_bucket_refuses_until_one_expires_or_dies_or_is_released() {
  Table table(1);
  std::string filler(kMaxSubjectBytes - 1, 's'), owner(kMaxOwnerBytes, 'o');
  auto fill = [&](uint32_t node, char which, uint64_t ttlMs) {
    return table.claim(node, filler + which, ttlMs, owner).status;
  };
  const char last = static_cast<char>('a' + kCardClaims - 1);
  for (char which = 'a'; which < last; which++) {
    CHECK_EQUAL(fill(0, which, which == 'd' ? 100 : 500), TableStatus::kDone);
  }
  CHECK_EQUAL(fill(1, last, 500), TableStatus::kDone);
  std::vector<uint8_t> before = table.snapshot();
  table.asked = 0;
  CHECK_EQUAL(fill(2, 'A', 500), TableStatus::kFull);
  CHECK_EQUAL(table.asked, kCardClaims);
  CHECK_EQUAL(table.ring.header->refused, 1);
  table.ring.header->refused = 0;
  CHECK(table.is_as(before));  // a living claim is never evicted, and no token was drawn
  CHECK_EQUAL(fill(0, last, 500), TableStatus::kYield);

  table.nowMs += 100;
  CHECK_EQUAL(fill(2, 'A', 500), TableStatus::kDone);
  CHECK_EQUAL(fill(2, 'B', 500), TableStatus::kFull);
  table.kill(1);
  CHECK_EQUAL(fill(2, 'B', 500), TableStatus::kDone);
  CHECK_EQUAL(table.all().size(), kCardClaims);
  CHECK_EQUAL(table.release(2, filler + 'B', table.find(filler + 'B').claim.token), TableStatus::kDone);
  CHECK_EQUAL(fill(2, 'C', 500), TableStatus::kDone);
}

// Subjects spread by a keyed hash, so any key will do, and so will any subjects.
void a_table_holds_as_many_of_the_largest_claims_as_it_has_buckets() {
  constexpr uint32_t kCapacity = 1024;
  Random random{g_seed};
  for (int round = 0; round < 16; round++) {
    Table table(kCapacity);
    table.ring.subjectKey = random.next();
    for (Writer& writer : table.writers) writer.ring.subjectKey = table.ring.subjectKey;
    for (uint32_t i = 0; i < kCapacity; i++) {
      std::string label(kMaxSubjectBytes, 's'), number = std::to_string(i);
      label.replace(0, number.size(), number);
      CHECK(table.claim(i % kFleetSize, label, 500, std::string(kMaxOwnerBytes, 'o')).is(TableStatus::kDone));
    }
    CHECK_EQUAL(table.all().size(), kCapacity);
  }
}

void two_thousand_claims_evict_none() {
  Table table(1024);
  for (int i = 0; i < 2000; i++) table.must_claim(static_cast<uint32_t>(i) % kFleetSize, "s" + std::to_string(i), 500);
  CHECK_EQUAL(table.all().size(), 2000);
  check_permutation(table);
}

void a_retired_table_takes_no_claim() {
  Table table;
  uint64_t token = table.must_claim(0, "door", 500);
  table.ring.header->object.retired = 1;
  CHECK(table.claim(1, "window", 500).is(TableStatus::kRetired));
  CHECK_EQUAL(table.renew(0, "door", token, 500), TableStatus::kRetired);
  CHECK_EQUAL(table.release(0, "door", token), TableStatus::kRetired);
}

void the_hash_is_siphash() {
  uint8_t message[15];
  for (uint8_t i = 0; i < sizeof message; i++) message[i] = i;
  const HashKey key = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
  uint64_t word;
  memcpy(&word, message, sizeof word);
  CHECK((siphash<2, 4>(key, word, message + 8, 7) == 0xa129ca6149be45e5));  // from the paper
}

void subjects_hash_as_in_layout_2_and_spread_under_any_key() {
  Table table(1024);
  struct {
    std::string label;
    uint8_t kind;
    uint64_t key, hash;
  } golden[] = {{"", 0, 0, 0xbd60acb658c79e45},
                {"door", 0, 0, 0x000fcc3cc2de8b32},
                {"door", 1, 0, 0xb3e40cb6d4056651},
                {"door", 1, 1, 0x049ea98fd5e0c25f},
                {"a longer subject: 12345", 255, 0x1122334455667788, 0x3e444b9c76756d7e}};
  for (auto& row : golden) {
    table.ring.subjectKey = row.key;
    uint64_t hash = subject_hash(table.ring, subject_of(row.label, row.kind));
    if (hash != row.hash) fprintf(stderr, "0x%016llx\n", static_cast<unsigned long long>(hash));
    CHECK(hash == row.hash);
  }
  // 16384 subjects of any regular kind in 1024 buckets: 16 each, and none with three times that.
  for (const char* prefix : {"", "user:", "a prefix of more than eight bytes/"}) {
    for (uint64_t key : {uint64_t{0}, uint64_t{1}, ~uint64_t{0}}) {
      table.ring.subjectKey = key;
      std::vector<uint32_t> load(1024);
      for (int i = 0; i < 16384; i++) load[table.bucket(prefix + std::to_string(i))]++;
      for (uint32_t each : load) CHECK(each > 0 && each < 48);
    }
  }
}

void subjects_that_share_a_bucket_under_one_key_spread_under_another() {
  Table table(1024);
  std::vector<std::string> crafted;
  for (int i = 0; crafted.size() < 64; i++) {
    std::string label = std::to_string(i);
    if (table.bucket(label) == 0) crafted.push_back(label);
  }
  table.ring.subjectKey = 1;
  std::set<uint32_t> buckets;
  for (const std::string& label : crafted) buckets.insert(table.bucket(label));
  CHECK(buckets.size() > 48);  // 62 on average
}

// ---- races ---------------------------------------------------------------------------------------------------------

void a_claimant_that_was_overtaken_looks_again_and_yields() {
  Table table;
  table.must_claim(0, "door", 500);
  table.kill(0);
  uint64_t rivalToken = 0;
  table.onAsked = [&] { rivalToken = table.must_claim(2, "door", 500); };
  Outcome outcome = table.claim(1, "door", 500);
  CHECK(outcome.is(TableStatus::kYield));
  CHECK_EQUAL(outcome.claim.token, rivalToken);
  CHECK_EQUAL(table.writers[1].backoff, 1);
  check_permutation(table);
}

void a_claimant_that_was_overtaken_on_another_subject_claims_with_a_newer_token() {
  Table table(1);
  table.must_claim(0, "door", 500);
  table.kill(0);
  uint64_t rivalToken = 0;
  table.onAsked = [&] { rivalToken = table.must_claim(2, "window", 500); };
  Outcome outcome = table.claim(1, "door", 500);
  CHECK(outcome.is(TableStatus::kDone));
  CHECK(outcome.claim.token > rivalToken);
  CHECK_EQUAL(table.all().size(), 2);
  check_permutation(table);
}

// The bucket comes back to the same content on the same card; only the stamp tells.
void a_card_that_came_back_does_not_deceive_a_late_swap() {
  Table table(1);
  table.must_claim(0, "door", 500);
  table.kill(0);
  uint32_t card = chunk_in(table.ring.slots[0]);
  uint64_t guard = 0;
  table.onAsked = [&] {
    guard = table.must_claim(2, "door", 500);
    for (int i = 0; chunk_in(table.ring.slots[0]) != card; i++) {
      CHECK(i < 10);
      CHECK_EQUAL(table.renew(2, "door", guard, 500), TableStatus::kDone);
    }
  };
  Outcome outcome = table.claim(1, "door", 500);
  CHECK(outcome.is(TableStatus::kYield));
  CHECK_EQUAL(outcome.claim.token, guard);
  check_permutation(table);
}

// A table of one bucket in pages of its own, so that a call can be stopped inside it; node 0 has filled it.
struct PagedTable {
  uint64_t mappingBytes;
  uint8_t* mapping;
  uint8_t* entriesPage;
  Ring ring;
  Writer holder, rival;
  std::vector<uint64_t> tokens;

  PagedTable() {
    RingSpec spec = spec_of(1, kCardBytes);
    spec.fleetSize = static_cast<uint32_t>(page_bytes() / sizeof(NodeEntry));
    RingOffsets at = ring_offsets(spec.capacity, spec.payloadBytes, spec.fleetSize);
    uint64_t lead = (at.entries + page_bytes() - 1) / page_bytes() * page_bytes();
    mappingBytes = (lead + at.end + page_bytes()) / page_bytes() * page_bytes();
    void* pages = mmap(nullptr, mappingBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(pages != MAP_FAILED);
    mapping = static_cast<uint8_t*>(pages);
    entriesPage = mapping + lead;
    format_table(entriesPage - at.entries, spec, 0);
    CHECK(attach_table(entriesPage - at.entries, at.end, &ring) == AttachStatus::kOk);
    CHECK(become_writer(ring, 0, &holder) == RingStatus::kOk && become_writer(ring, 1, &rival) == RingStatus::kOk);
    for (uint64_t which = 0; which < kCardClaims; which++) tokens.push_back(claim(&holder, which).token);
  }
  ~PagedTable() { munmap(mapping, mappingBytes); }

  std::string label(uint64_t which) const { return std::string(kMaxSubjectBytes, static_cast<char>('a' + which)); }
  Claim claim(Writer* writer, uint64_t which) {
    std::string subject = label(which), owner(kMaxOwnerBytes, 'o');
    Request request = {subject_of(subject), owner.data(), kMaxOwnerBytes, 1, 1000, 0, 500};
    Claim claim;
    uint64_t stamp;
    CHECK_EQUAL(claim_subject(writer, request, all_alive, &claim, &stamp), TableStatus::kDone);
    return claim;
  }
  Claim find(uint64_t which) const {
    std::string subject = label(which);
    Claim claim;
    uint64_t stamp;
    CHECK_EQUAL(find_holder(ring, subject_of(subject), 1000, all_alive, &claim, &stamp), TableStatus::kDone);
    return claim;
  }
  void release(Writer* writer, uint64_t which) {
    std::string subject = label(which);
    CHECK_EQUAL(release_claim(writer, subject_of(subject), tokens[which], 1000), TableStatus::kDone);
  }
  void renew(Writer* writer, uint64_t which, uint64_t expiresAtMs) {
    std::string subject = label(which);
    CHECK_EQUAL(renew_claim(writer, subject_of(subject), tokens[which], expiresAtMs, 1000), TableStatus::kDone);
  }
  // A page that begins inside the bucket's card, behind its first claim and before its last.
  uint8_t* page_inside_the_card() {
    for (int i = 0;; i++) {
      CHECK(i < 1000);
      uint8_t* card = reinterpret_cast<uint8_t*>(chunk_at(ring, chunk_in(ring.slots[0])));
      uint64_t past = reinterpret_cast<uint64_t>(card) % page_bytes();
      uint8_t* page = card + page_bytes() - past;
      if (page > card + kMaxClaimBytes + 24 && page < card + 7 * kMaxClaimBytes + 24) return page;
      // The next card: another node's hand.
      Writer writer;
      CHECK(become_writer(ring, static_cast<uint32_t>(2 + i % 60), &writer) == RingStatus::kOk);
      renew(&writer, 0, 1500);
    }
  }
};

void a_copy_that_was_overwritten_is_made_again() {
  PagedTable table;
  uint8_t* page = table.page_inside_the_card();
  // The second renewal is written over the card that the reader is copying. The first claim was renewed before the
  // last, so no reader may see the last one renewed and not the first.
  auto renewBoth = [&] {
    table.renew(&table.rival, 0, 2000);
    table.renew(&table.rival, kCardClaims - 1, 3000);
  };
  std::vector<uint64_t> expiries;
  with_peer_at(page, renewBoth, [&] {
    auto note = [&](const Claim& claim) { expiries.push_back(claim.expiresAtMs); };
    CHECK_EQUAL(for_each_claim(table.ring, 1000, all_alive, note), TableStatus::kDone);
  });
  CHECK_EQUAL(expiries.size(), kCardClaims);
  CHECK_EQUAL(expiries[kCardClaims - 1], 3000);
  CHECK_EQUAL(expiries[0], 2000);
}

// The rival acts between the draw of a token and the swap: there a claimant first touches its entry.
void a_claimant_that_was_overtaken_behind_its_draw_draws_again() {
  PagedTable table;
  table.release(&table.holder, 6);
  table.release(&table.holder, 7);
  uint64_t rivalToken = 0, token = 0;
  auto overtake = [&] { rivalToken = table.claim(&table.rival, kCardClaims).token; };
  with_peer_at(table.entriesPage, overtake, [&] { token = table.claim(&table.holder, kCardClaims + 1).token; });
  CHECK_EQUAL(token, rivalToken + 1);
  CHECK_EQUAL(table.ring.entries[0].intentPosition, 0);
  CHECK_EQUAL(table.ring.entries[0].hand, table.holder.hand);
}

void a_renewal_that_was_overtaken_by_the_next_holder_renews_nothing() {
  PagedTable table;
  std::string subject = table.label(0);
  Claim next;
  auto overtake = [&] {
    table.release(&table.rival, 0);
    next = table.claim(&table.rival, 0);
  };
  with_peer_at(table.entriesPage, overtake, [&] {
    CHECK_EQUAL(renew_claim(&table.holder, subject_of(subject), table.tokens[0], 9000, 1000), TableStatus::kNone);
  });
  CHECK_EQUAL(table.find(0).token, next.token);
  CHECK_EQUAL(table.find(0).expiresAtMs, next.expiresAtMs);
}

void a_release_that_was_overtaken_by_a_renewal_releases_all_the_same() {
  PagedTable table;
  with_peer_at(
      table.entriesPage, [&] { table.renew(&table.rival, 0, 4000); }, [&] { table.release(&table.holder, 0); });
  std::string subject = table.label(0);
  Claim claim;
  uint64_t stamp;
  CHECK_EQUAL(find_holder(table.ring, subject_of(subject), 1000, all_alive, &claim, &stamp), TableStatus::kNone);
}

// ---- hostile bytes and ends of numbers -----------------------------------------------------------------------------

void check_all_corrupt(Table* table) {
  std::vector<uint8_t> before = table->snapshot();
  CHECK(table->claim(1, "door", 500).is(TableStatus::kCorrupt));
  CHECK_EQUAL(table->renew(0, "door", 1, 500), TableStatus::kCorrupt);
  CHECK_EQUAL(table->release(0, "door", 1), TableStatus::kCorrupt);
  CHECK(table->find("door").is(TableStatus::kCorrupt));
  uint64_t visits = 0;
  CHECK_EQUAL(for_each_claim(table->ring, table->nowMs, table->alive(), [&](const Claim&) { visits++; }),
              TableStatus::kCorrupt);
  table->ring.header->refused -= 3;
  CHECK(table->is_as(before));
}

void a_hostile_card_is_corrupt_and_stays_as_it_is() {
  using Edit = std::function<void(Table*, ChunkHeader*, ClaimHeader*)>;
  Edit edits[] = {
      [](Table* table, ChunkHeader*, ClaimHeader*) { table->ring.slots[0] = slot_word(1, table->ring.chunkCount); },
      [](Table* table, ChunkHeader*, ClaimHeader*) { table->ring.slots[0] = slot_word(0, kChunkMask); },
      [](Table* table, ChunkHeader*, ClaimHeader*) { table->ring.slots[0] += uint64_t{1} << kChunkBits; },
      [](Table*, ChunkHeader* card, ClaimHeader*) { card->id++; },
      [](Table*, ChunkHeader* card, ClaimHeader*) { card->id ^= uint64_t{1} << 56; },
      [](Table*, ChunkHeader* card, ClaimHeader*) { card->id |= uint64_t{kFleetSize} << kCounterBits; },
      [](Table*, ChunkHeader* card, ClaimHeader*) { card->version = 0; },
      [](Table*, ChunkHeader* card, ClaimHeader*) { card->length = kCardBytes + 8; },
      [](Table*, ChunkHeader* card, ClaimHeader*) { card->length = 0xffffffff; },
      [](Table*, ChunkHeader* card, ClaimHeader*) { card->length -= 1; },
      [](Table*, ChunkHeader* card, ClaimHeader*) { card->length += 8; },
      [](Table*, ChunkHeader* card, ClaimHeader*) { card->length = 39; },
      [](Table*, ChunkHeader*, ClaimHeader* claim) { claim->token = 0; },
      [](Table*, ChunkHeader*, ClaimHeader* claim) { claim->token = 3; },
      [](Table*, ChunkHeader*, ClaimHeader* claim) { claim->node = kFleetSize; },
      [](Table*, ChunkHeader*, ClaimHeader* claim) { claim->subjectBytes = kMaxSubjectBytes + 1; },
      [](Table*, ChunkHeader*, ClaimHeader* claim) { claim->subjectBytes = 60; },
      [](Table*, ChunkHeader*, ClaimHeader* claim) { claim->ownerBytes = kMaxOwnerBytes + 1; },
      [](Table*, ChunkHeader*, ClaimHeader* claim) { claim->ownerBytes = kMaxOwnerBytes; },
      [](Table*, ChunkHeader* card, ClaimHeader* claim) {
        claim->subjectBytes = kMaxSubjectBytes + 1;
        card->length = claim_bytes(claim->subjectBytes, 0);
      },
      [](Table*, ChunkHeader* card, ClaimHeader* claim) {
        claim->ownerBytes = kMaxOwnerBytes + 1;
        card->length = claim_bytes(claim->subjectBytes, claim->ownerBytes);
      },
  };
  for (size_t i = 0; i < 2 * (sizeof edits / sizeof edits[0]); i++) {
    Edit& edit = edits[i / 2];
    Table table(1);
    table.must_claim(0, "door", 500);
    // Once with a claim behind it, so that a claim that is too long ends within the card.
    if (i % 2 == 1) CHECK(table.claim(0, std::string(kMaxSubjectBytes, 's'), 500, "").is(TableStatus::kDone));
    ChunkHeader* card = table.card(0);
    edit(&table, card, reinterpret_cast<ClaimHeader*>(payload_at(card)));
    check_all_corrupt(&table);
  }
}

void a_card_that_ends_inside_a_claim_is_corrupt() {
  Table table(1);
  table.must_claim(0, "door", 500);
  std::string filler(kMaxSubjectBytes - 1, 's'), owner(kMaxOwnerBytes, 'o');
  for (uint32_t i = 1; i < kCardClaims; i++) {
    CHECK(table.claim(0, filler + static_cast<char>('a' + i), 500, owner).is(TableStatus::kDone));
  }
  CHECK(table.claim(0, std::string(120, 's'), 500).is(TableStatus::kDone));
  CHECK(table.card(0)->length < kCardBytes && table.card(0)->length > kCardBytes - sizeof(ClaimHeader));
  table.card(0)->length = kCardBytes;
  check_all_corrupt(&table);
}

void a_bucket_that_holds_the_own_hand_is_corrupt() {
  Table table(1);
  table.must_claim(0, "door", 500);
  table.writers[1].hand = chunk_in(table.ring.slots[0]);
  CHECK(table.claim(1, "window", 500).is(TableStatus::kCorrupt));
}

void a_counter_that_went_back_is_corrupt_even_when_nothing_is_held() {
  Table table(1);
  CHECK_EQUAL(table.release(0, "door", table.must_claim(0, "door", 500)), TableStatus::kDone);
  table.ring.header->tokens = 0;
  CHECK(table.claim(1, "window", 500).is(TableStatus::kCorrupt));
  CHECK(table.claim(1, "window", 500).is(TableStatus::kDone));  // above what the bucket has seen: fine again
}

void the_type_of_the_object_tells_a_table_from_a_ring() {
  constexpr uint64_t kCreatedAtMs = 1700000000000;
  RingSpec spec = spec_of(4, kCardBytes);
  uint64_t bytes = ring_bytes(spec);
  std::unique_ptr<uint8_t, Free> base(static_cast<uint8_t*>(aligned_alloc(64, bytes)));
  Ring ring;

  format_table(base.get(), spec, kCreatedAtMs);
  CHECK(attach_table(base.get(), bytes, &ring) == AttachStatus::kOk);
  CHECK_EQUAL(ring.spec.objectType, kTableObject);
  CHECK_EQUAL(ring.header->tokens, first_token(kCreatedAtMs));
  CHECK(attach_ring(base.get(), bytes, &ring) == AttachStatus::kCorrupt);
  CHECK(attach_slots(base.get(), bytes, &ring) == AttachStatus::kOk);
  CHECK_EQUAL(ring.spec.objectType, kTableObject);

  // A ring of the contest's KIND is no table.
  format_ring(base.get(), spec, kCreatedAtMs);
  CHECK(attach_ring(base.get(), bytes, &ring) == AttachStatus::kOk);
  CHECK_EQUAL(ring.spec.objectType, kRingObject);
  CHECK_EQUAL(ring.header->tokens, 0);
  CHECK(attach_table(base.get(), bytes, &ring) == AttachStatus::kCorrupt);
  CHECK(attach_slots(base.get(), bytes, &ring) == AttachStatus::kOk);
  CHECK_EQUAL(ring.spec.objectType, kRingObject);

  // Objects of other types have no slots.
  for (uint32_t type : {0u, uint32_t{kFleetObject}, 4u, ~0u}) {
    store_relaxed(version_and_type(&ring.header->object), kLayoutVersion | uint64_t{type} << 32);
    CHECK(attach_slots(base.get(), bytes, &ring) == AttachStatus::kCorrupt);
  }
}

void tokens_end_where_numbers_end() {
  Table table;
  table.ring.header->tokens = kMaxToken - 1;
  CHECK_EQUAL(table.must_claim(0, "door", 500), kMaxToken);
  CHECK(table.claim(1, "window", 500).is(TableStatus::kExhausted));
  CHECK_EQUAL(table.ring.header->tokens, kMaxToken);
  table.ring.header->tokens = ~uint64_t{0};
  CHECK(table.claim(1, "window", 500).is(TableStatus::kExhausted));
  CHECK_EQUAL(table.release(0, "door", kMaxToken), TableStatus::kDone);
}

void a_bucket_that_has_no_stamp_left_still_shows_its_holder() {
  for (uint32_t capacity : {1u, 1024u}) {
    Table table(capacity);
    uint32_t bucket = table.bucket("door");
    uint64_t last = table.ring.lastPosition >> table.ring.lapShift;  // the stamp of the last transition
    table.ring.slots[bucket] = slot_word(last, chunk_in(table.ring.slots[bucket]));
    ChunkHeader* card = table.card(bucket);
    memset(static_cast<void*>(card), 0, sizeof *card);
    card->id = make_id(222, 0, position_in(table.ring, last, bucket));
    uint64_t token = table.must_claim(0, "door", 500);
    std::vector<uint8_t> before = table.snapshot();
    CHECK_EQUAL(table.renew(0, "door", token, 500), TableStatus::kExhausted);
    CHECK_EQUAL(table.release(0, "door", token), TableStatus::kExhausted);
    table.ring.header->refused -= 2;
    CHECK(table.is_as(before));
    CHECK(table.find("door").is(TableStatus::kDone));
    CHECK(table.claim(1, "door", 500).is(TableStatus::kYield));
  }
}

// ---- death ---------------------------------------------------------------------------------------------------------

// What a claimant writes, in this order; it dies before step `alive`.
enum Step { kFilled, kNamedChunk, kNamedPosition, kSwapped, kStoredHand, kCleared, kSteps };

void die_after(Table* table, uint32_t node, int last) {
  const Ring& ring = table->ring;
  NodeEntry* entry = &ring.entries[node];
  uint64_t word = ring.slots[0], hand = entry->hand, position = position_in(ring, lap_in(word) + 1, 0);
  ChunkHeader* chunk = chunk_at(ring, static_cast<uint32_t>(hand));
  chunk->id = make_id(222, node, position);
  chunk->version = table->card(0)->version;
  chunk->length = 0;
  if (last >= kNamedChunk) entry->intentChunk = chunk_in(word);
  if (last >= kNamedPosition) entry->intentPosition = position + 1;
  if (last >= kSwapped) ring.slots[0] = slot_word(lap_in(word) + 1, hand);
  if (last >= kStoredHand) entry->hand = chunk_in(word);
  if (last >= kCleared) entry->intentPosition = 0;
}

void a_death_at_each_step_settles_to_one_owner_and_frees_its_subject() {
  for (int last = kFilled; last < kSteps; last++) {
    for (int transitions = 0; transitions < 5; transitions++) {
      Table table(1);
      table.must_claim(0, "door", 1000000);
      uint64_t token = table.must_claim(1, "window", 1000000);
      die_after(&table, 0, last);
      if (last >= kSwapped) token = table.must_claim(1, "window", 1000000);  // the dead one's card was empty
      for (int i = 1; i < transitions; i++) CHECK_EQUAL(table.renew(1, "window", token, 1000000), TableStatus::kDone);
      table.kill(0);
      table.settle_node(0);
      check_permutation(table);
      CHECK_EQUAL(table.ring.header->burned, 0);  // the others have no intent: all can be told
      CHECK(table.must_claim(0, "door", 500) > token);
      CHECK_EQUAL(table.all().size(), 2);
      check_permutation(table);
    }
  }
}

// A swap was lost, and the loser died before it could clear its intent.
void a_death_after_a_lost_swap_settles_to_the_hand() {
  for (int transitions = 0; transitions < 4; transitions++) {
    Table table(1);
    uint64_t token = table.must_claim(1, "window", 1000000);
    die_after(&table, 0, kNamedPosition);
    for (int i = 0; i < transitions; i++) CHECK_EQUAL(table.renew(1, "window", token, 1000000), TableStatus::kDone);
    uint32_t hand = table.writers[0].hand;
    table.settle_node(0);
    CHECK_EQUAL(table.writers[0].hand, hand);
    check_permutation(table);
  }
}

// ---- a random program against a model ------------------------------------------------------------------------------

struct Holding {
  uint64_t token, expiresAtMs, incarnation;
  uint32_t node, size;
  std::string owner;
};

struct Guard {
  std::string label;
  uint64_t token, incarnation;
  uint32_t node;
};

class Program {
 public:
  Program(uint64_t seed, uint32_t capacity, uint32_t payloadBytes) : random_{seed}, table_(capacity, payloadBytes) {}

  void run(int steps) {
    for (int i = 0; i < steps; i++) {
      switch (random_.below(16)) {
        case 0:
          table_.nowMs += random_.below(60);
          break;
        case 1:
          die();
          break;
        case 2:
        case 3:
        case 4:
          renew();
          break;
        case 5:
        case 6:
        case 7:
          release();
          break;
        default:
          claim();
      }
      compare();
    }
    check_permutation(table_);
    CHECK_EQUAL(table_.ring.header->burned, 0);
  }
  uint64_t done[8] = {};  // by how a call ended

 private:
  bool lives(const Holding& holding) const {
    return holding.expiresAtMs > table_.nowMs && table_.incarnations[holding.node] == holding.incarnation;
  }
  std::string any_label() {
    uint64_t which = random_.below(14);
    return std::string(which * which % 61, static_cast<char>('a' + which)) + std::to_string(which);
  }
  uint32_t bytes_in(uint32_t bucket) const {
    uint32_t bytes = 0;
    for (auto& [label, holding] : held_) bytes += lives(holding) && table_.bucket(label) == bucket ? holding.size : 0;
    return bytes;
  }

  void claim() {
    uint32_t node = static_cast<uint32_t>(random_.below(kFleetSize));
    std::string label = any_label(), owner(random_.below(9), static_cast<char>('A' + node));
    uint32_t size = claim_bytes(static_cast<uint32_t>(label.size()), static_cast<uint32_t>(owner.size()));
    uint64_t ttlMs = 1 + random_.below(400);
    Outcome outcome = table_.claim(node, label, ttlMs, owner);
    done[-static_cast<int>(outcome.status)]++;
    auto standing = held_.find(label);
    if (size > table_.ring.spec.payloadBytes) {
      CHECK_EQUAL(outcome.status, TableStatus::kTooLarge);
    } else if (standing != held_.end() && lives(standing->second)) {
      CHECK_EQUAL(outcome.status, TableStatus::kYield);
      check_same(outcome, label, standing->second);
    } else if (bytes_in(table_.bucket(label)) + size > table_.ring.spec.payloadBytes) {
      CHECK_EQUAL(outcome.status, TableStatus::kFull);
    } else {
      CHECK_EQUAL(outcome.status, TableStatus::kDone);
      CHECK_EQUAL(outcome.claim.token, newest_ + 1);  // one thread: no token is lost
      newest_++;
      Holding holding = {newest_, table_.nowMs + ttlMs, table_.incarnations[node], node, size, owner};
      held_[label] = holding;
      check_same(outcome, label, holding);
      guards_.push_back({label, newest_, holding.incarnation, node});
    }
  }

  // A guard of the living; perhaps of a claim that is long gone. Null: the node is dead.
  const Guard* any_guard() {
    if (guards_.empty()) return nullptr;
    uint64_t recent = guards_.size() < 20 ? guards_.size() : 20;
    const Guard* guard = &guards_[guards_.size() - 1 - random_.below(recent)];
    return table_.incarnations[guard->node] == guard->incarnation ? guard : nullptr;
  }
  Holding* standing(const Guard& guard) {
    auto found = held_.find(guard.label);
    bool isHeld = found != held_.end() && found->second.token == guard.token && lives(found->second);
    return isHeld ? &found->second : nullptr;
  }

  void renew() {
    const Guard* guard = any_guard();
    if (guard == nullptr) return;
    uint64_t ttlMs = 1 + random_.below(400);
    Holding* holding = standing(*guard);
    TableStatus status = table_.renew(guard->node, guard->label, guard->token, ttlMs);
    CHECK_EQUAL(status, holding != nullptr ? TableStatus::kDone : TableStatus::kNone);
    done[-static_cast<int>(status)]++;
    if (holding != nullptr) holding->expiresAtMs = table_.nowMs + ttlMs;
  }

  void release() {
    const Guard* guard = any_guard();
    if (guard == nullptr) return;
    TableStatus expected = standing(*guard) != nullptr ? TableStatus::kDone : TableStatus::kNone;
    CHECK_EQUAL(table_.release(guard->node, guard->label, guard->token), expected);
    done[-static_cast<int>(expected)]++;
    if (expected == TableStatus::kDone) held_.erase(guard->label);
  }

  void die() {
    uint32_t node = static_cast<uint32_t>(random_.below(kFleetSize));
    table_.kill(node);
    table_.settle_node(node);
  }

  void check_same(const Outcome& outcome, const std::string& label, const Holding& holding) {
    CHECK_EQUAL(outcome.claim.token, holding.token);
    CHECK_EQUAL(outcome.claim.expiresAtMs, holding.expiresAtMs);
    CHECK_EQUAL(outcome.claim.incarnation, holding.incarnation);
    CHECK_EQUAL(outcome.claim.node, holding.node);
    CHECK(outcome.subject() == label && outcome.owner() == holding.owner);
  }

  void compare() {
    std::map<std::string, uint64_t> expected;
    for (auto& [label, holding] : held_) {
      if (lives(holding)) expected[label] = holding.token;
    }
    CHECK(table_.all() == expected);
    std::string label = any_label();
    Outcome found = table_.find(label);
    CHECK_EQUAL(found.status, expected.count(label) == 1 ? TableStatus::kDone : TableStatus::kNone);
    if (found.is(TableStatus::kDone)) check_same(found, label, held_[label]);
  }

  Random random_;
  Table table_;
  std::map<std::string, Holding> held_;
  std::vector<Guard> guards_;
  uint64_t newest_ = 0;
};

void a_random_program_does_what_the_model_does() {
  struct {
    uint32_t capacity, payloadBytes;
  } shapes[] = {{1, kCardBytes}, {2, kCardBytes}, {1, 100}, {2, 200}, {2, 400}, {64, kCardBytes}, {1, 1 << 16}};
  uint64_t done[8] = {};
  for (int round = 0; round < 40; round++) {
    for (auto& shape : shapes) {
      Program program(g_seed + static_cast<uint64_t>(round), shape.capacity, shape.payloadBytes);
      program.run(300);
      for (int i = 0; i < 8; i++) done[i] += program.done[i];
    }
  }
  for (TableStatus status :
       {TableStatus::kDone, TableStatus::kNone, TableStatus::kYield, TableStatus::kTooLarge, TableStatus::kFull}) {
    CHECK(done[-static_cast<int>(status)] > 100);
  }
}

// ---- memory --------------------------------------------------------------------------------------------------------

void a_claim_without_memory_for_its_card_is_refused_and_others_go_on() {
  Table table(2);
  std::string first = "a", second = "b";
  while (table.bucket(second) == table.bucket(first)) second += "b";
  uint64_t token = table.must_claim(0, first, 1000);
  table.isFull = true;
  std::vector<uint64_t> slots(table.ring.slots, table.ring.slots + 2);
  CHECK_EQUAL(table.claim(1, second, 1000).status, TableStatus::kNoMemory);
  CHECK(table.ring.slots[0] == slots[0] && table.ring.slots[1] == slots[1]);
  check_permutation(table);
  // A bucket that was written once needs no more memory, and neither does a lost try or what finds no claim.
  CHECK_EQUAL(table.claim(1, first, 1000).status, TableStatus::kYield);
  CHECK_EQUAL(table.renew(1, second, token, 1000), TableStatus::kNone);
  CHECK_EQUAL(table.renew(0, first, token, 1000), TableStatus::kDone);
  CHECK_EQUAL(table.release(0, first, token), TableStatus::kDone);
  table.must_claim(1, first, 1000);
  table.isFull = false;
  table.must_claim(1, second, 1000);
  check_permutation(table);
}

}  // namespace

int main(int count, char** words) {
  g_seed = parse_options(count, words).seed;
  const Test tests[] = {
      TEST(the_first_claim_holds_and_the_second_learns_the_holder),
      TEST(a_claim_for_life_ends_with_its_holder_and_not_with_time),
      TEST(a_renewal_makes_a_claim_for_life_expire_or_one_that_expires_last),
      TEST(other_labels_and_other_kinds_do_not_compete),
      TEST(a_second_claim_of_the_holder_yields_to_its_first),
      TEST(a_released_subject_is_free_and_its_next_token_is_higher),
      TEST(an_expired_claim_neither_blocks_nor_can_be_renewed_nor_released),
      TEST(an_old_time_finds_free_what_a_later_one_saw_expire),
      TEST(renewing_survives_the_first_expiry_and_keeps_the_token),
      TEST(a_dead_holder_frees_its_subject_at_once),
      TEST(a_node_with_a_new_owner_does_not_hold_what_its_last_owner_held),
      TEST(a_claim_asks_about_life_only_for_the_subject_that_is_in_the_way),
      TEST(a_lost_try_writes_not_a_byte),
      TEST(a_card_has_the_bytes_of_version_1),
      TEST(a_waiter_sees_that_its_bucket_has_changed),
      TEST(what_is_too_large_is_refused_and_what_just_fits_is_not),
      TEST(a_full_bucket_refuses_until_one_expires_or_dies_or_is_released),
      TEST(a_table_holds_as_many_of_the_largest_claims_as_it_has_buckets),
      TEST(two_thousand_claims_evict_none),
      TEST(a_retired_table_takes_no_claim),
      TEST(the_hash_is_siphash),
      TEST(subjects_hash_as_in_layout_2_and_spread_under_any_key),
      TEST(subjects_that_share_a_bucket_under_one_key_spread_under_another),
      TEST(a_claimant_that_was_overtaken_looks_again_and_yields),
      TEST(a_claimant_that_was_overtaken_on_another_subject_claims_with_a_newer_token),
      TEST(a_card_that_came_back_does_not_deceive_a_late_swap),
      TEST(a_copy_that_was_overwritten_is_made_again),
      TEST(a_claimant_that_was_overtaken_behind_its_draw_draws_again),
      TEST(a_renewal_that_was_overtaken_by_the_next_holder_renews_nothing),
      TEST(a_release_that_was_overtaken_by_a_renewal_releases_all_the_same),
      TEST(a_hostile_card_is_corrupt_and_stays_as_it_is),
      TEST(a_card_that_ends_inside_a_claim_is_corrupt),
      TEST(a_bucket_that_holds_the_own_hand_is_corrupt),
      TEST(a_counter_that_went_back_is_corrupt_even_when_nothing_is_held),
      TEST(the_type_of_the_object_tells_a_table_from_a_ring),
      TEST(tokens_end_where_numbers_end),
      TEST(a_bucket_that_has_no_stamp_left_still_shows_its_holder),
      TEST(a_death_at_each_step_settles_to_one_owner_and_frees_its_subject),
      TEST(a_death_after_a_lost_swap_settles_to_the_hand),
      TEST(a_claim_without_memory_for_its_card_is_refused_and_others_go_on),
      TEST(a_random_program_does_what_the_model_does),
  };
  return run_tests("table_test", tests);
}
