// The verdicts that are known of small programs: what C++ permits and what it forbids, and how many executions there
// are.
#include "sim/litmus.h"

#include "test/check.h"

using namespace sim;

namespace {

constexpr Order kRlx = Order::kRelaxed, kAcq = Order::kAcquire, kRel = Order::kRelease, kSc = Order::kSeqCst;
constexpr uint64_t kAnyNumber = 0;
constexpr Both kNone = {0, 0}, kOnes = {1, 1};

uint64_t *x, *y;
uint64_t *p, *q;  // of a second pair
uint64_t seen[8];

void expect(const char* name, bool isPossible, uint64_t executions, std::vector<Body> bodies,
            std::function<bool()> outcome) {
  Tiny program;
  bool wasSeen = false;
  uint64_t complete = 0;
  program.bodies = std::move(bodies);
  program.atEnd = [&] {
    wasSeen |= outcome();
    complete++;
  };
  Explorer explorer;
  search(&explorer, &program);
  if (wasSeen != isPossible) fprintf(stderr, "%s: %s\n", name, wasSeen ? "is possible here" : "never happens here");
  CHECK_EQUAL(wasSeen, isPossible);
  if (executions != complete && executions != kAnyNumber) fprintf(stderr, "%s\n", name);
  if (executions != kAnyNumber) CHECK_EQUAL(complete, executions);
}

std::vector<Body> store_buffering(Order stores, Order loads) {
  return {[=] { store(x, 1, stores), seen[0] = load(y, loads); },
          [=] { store(y, 1, stores), seen[1] = load(x, loads); }};
}
bool both_saw_nothing() { return seen[0] == 0 && seen[1] == 0; }

void keeps_a_store_behind_a_later_load_only_if_both_are_seq_cst() {
  expect("SB relaxed", true, 4, store_buffering(kRlx, kRlx), both_saw_nothing);
  expect("SB release, acquire", true, 4, store_buffering(kRel, kAcq), both_saw_nothing);
  expect("SB seq_cst store, acquire load", true, 4, store_buffering(kSc, kAcq), both_saw_nothing);
  expect("SB release store, seq_cst load", true, 4, store_buffering(kRel, kSc), both_saw_nothing);
  expect("SB seq_cst", false, 3, store_buffering(kSc, kSc), both_saw_nothing);
  auto withUpdates = [](Order order) {
    return std::vector<Body>{[=] { add(x, 1, order), seen[0] = load(y, kSc); },
                             [=] { add(y, 1, order), seen[1] = load(x, kSc); }};
  };
  expect("SB with seq_cst updates", false, kAnyNumber, withUpdates(kSc), both_saw_nothing);
  expect("SB with acq_rel updates", true, kAnyNumber, withUpdates(Order::kAcqRel), both_saw_nothing);
}

std::vector<Body> message_passing(Order stores, Order loads) {
  return {[=] { store(x, 1, kRlx), store(y, 1, stores); }, [=] { seen[0] = load(y, loads), seen[1] = load(x, kRlx); }};
}

void passes_a_message_only_from_a_release_to_an_acquire() {
  auto isLost = [] { return seen[0] == 1 && seen[1] == 0; };
  expect("MP relaxed", true, 4, message_passing(kRlx, kRlx), isLost);
  expect("MP release, acquire", false, 3, message_passing(kRel, kAcq), isLost);
  expect("MP release, relaxed", true, 4, message_passing(kRel, kRlx), isLost);
  expect("MP relaxed, acquire", true, 4, message_passing(kRlx, kAcq), isLost);
}

void reads_no_write_that_is_yet_to_be_made() {
  expect("LB", false, 3,
         {[] { seen[0] = load(x, kRlx), store(y, 1, kRlx); }, [] { seen[1] = load(y, kRlx), store(x, 1, kRlx); }},
         [] { return seen[0] == 1 && seen[1] == 1; });
}

void puts_a_store_in_the_middle_of_modification_order() {
  auto firstLast = [] { return load(x, kRlx) == 1 && load(y, kRlx) == 1; };
  for (Order order : {kRlx, kRel, kSc}) {
    bool isSc = order == kSc;
    expect("2+2W", !isSc, isSc ? 3 : 4,
           {[=] { store(x, 1, order), store(y, 2, order); }, [=] { store(y, 1, order), store(x, 2, order); }},
           firstLast);
  }
}

std::vector<Body> independent_reads(Order stores, Order loads) {
  return {[=] { store(x, 1, stores); }, [=] { store(y, 1, stores); },
          [=] { seen[0] = load(x, loads), seen[1] = load(y, loads); },
          [=] { seen[2] = load(y, loads), seen[3] = load(x, loads); }};
}

void lets_two_readers_disagree_on_the_order_of_independent_stores_but_for_seq_cst() {
  auto disagree = [] { return seen[0] == 1 && seen[1] == 0 && seen[2] == 1 && seen[3] == 0; };
  expect("IRIW release, acquire", true, 16, independent_reads(kRel, kAcq), disagree);
  expect("IRIW seq_cst", false, 15, independent_reads(kSc, kSc), disagree);
  // Here the two readings of seq_cst differ.
  expect("IRIW release, seq_cst", !simulator.memory.rules.isCxx20, kAnyNumber, independent_reads(kRel, kSc), disagree);
}

void reads_one_word_in_its_modification_order() {
  expect("CoRR", false, 3, {[] { store(x, 1, kRlx); }, [] { seen[0] = load(x, kRlx), seen[1] = load(x, kRlx); }},
         [] { return seen[0] == 1 && seen[1] == 0; });
  expect(
      "CoRR, two writers and two readers", false, kAnyNumber,
      {[] { store(x, 1, kRlx); }, [] { store(x, 2, kRlx); }, [] { seen[0] = load(x, kRlx), seen[1] = load(x, kRlx); },
       [] { seen[2] = load(x, kRlx), seen[3] = load(x, kRlx); }},
      [] { return seen[0] == 1 && seen[1] == 2 && seen[2] == 2 && seen[3] == 1; });
}

void hands_on_what_a_thread_has_learned() {
  auto isLost = [] { return seen[0] == 1 && seen[1] == 1 && seen[2] == 0; };
  auto chain = [](Order first, Order look, Order second) {
    return std::vector<Body>{[=] { store(x, 1, first); }, [=] { seen[0] = load(x, look), store(y, 1, second); },
                             [=] { seen[1] = load(y, kAcq), seen[2] = load(x, kRlx); }};
  };
  expect("WRC release, acquire", false, kAnyNumber, chain(kRel, kAcq, kRel), isLost);
  expect("WRC by coherence", false, kAnyNumber, chain(kRlx, kRlx, kRel), isLost);
  expect("WRC relaxed", true, kAnyNumber, chain(kRlx, kRlx, kRlx), isLost);
}

void makes_each_update_once() {
  auto adds = [](int index) { return [=] { seen[index] = add(x, 1, kRlx); }; };
  expect("two adds", false, 2, {adds(0), adds(1)}, [] { return seen[0] == seen[1]; });
  expect("three adds", false, 6, {adds(0), adds(1), adds(2)}, [] { return seen[0] == seen[1] || seen[1] == seen[2]; });
}

void continues_a_release_sequence_by_updates_and_not_by_stores() {
  expect("a relaxed update", false, kAnyNumber,
         {[] { store(y, 1, kRlx), store(x, 1, kRel); }, [] { add(x, 1, kRlx); },
          [] { seen[0] = load(x, kAcq), seen[1] = load(y, kRlx); }},
         [] { return seen[0] == 2 && seen[1] == 0; });
  expect("a relaxed store of the same thread", true, kAnyNumber,
         {[] { store(y, 1, kRlx), store(x, 1, kRel), store(x, 3, kRlx); },
          [] { seen[0] = load(x, kAcq), seen[1] = load(y, kRlx); }},
         [] { return seen[0] == 3 && seen[1] == 0; });
}

void does_not_take_the_seq_cst_order_for_happens_before() {
  expect("relaxed between", true, kAnyNumber,
         {[] { store(y, 1, kSc), store(x, 1, kRlx); }, [] { seen[0] = load(x, kRlx), seen[1] = load(y, kSc); }},
         [] { return seen[0] == 1 && seen[1] == 0; });
  expect("Z6.U", true, kAnyNumber,
         {[] { store(x, 1, kSc), store(y, 1, kRel); }, [] { seen[0] = add(y, 1, kSc), seen[1] = load(y, kRlx); },
          [] { store(y, 3, kSc), seen[2] = load(x, kSc); }},
         [] { return seen[0] == 1 && seen[1] == 3 && seen[2] == 0; });
}

void swaps_both_words_of_a_pair_at_once() {
  auto swaps = [](uint64_t index) {
    return [=] { seen[index] = swap_pair(x, y, kNone, {1 + index, 1 + index}, kRlx); };
  };
  expect("two swaps of a pair", false, 2, {swaps(0), swaps(1)},
         [] { return seen[0] == seen[1] || load(x, kRlx) != load(y, kRlx); });
  for (Both torn : {Both{0, 1}, Both{1, 0}}) {
    expect("a swap that expects half of a pair", false, kAnyNumber,
           {[] { swap_pair(x, y, kNone, kOnes, kRlx); },
            [=] {
              seen[0] = swap_pair(x, y, torn, {2, 2}, kRlx);
            }},
           [] { return seen[0] == 1; });
  }
}

void shows_half_a_pair_to_loads_that_no_acquire_keeps_in_order() {
  auto isTorn = [] { return seen[0] == 1 && seen[1] == 0; };
  auto reader = [](Order order) {
    return std::vector<Body>{[] { swap_pair(x, y, kNone, kOnes, kSc); },
                             [=] { seen[0] = load(x, order), seen[1] = load(y, kRlx); }};
  };
  expect("a pair, relaxed loads", true, 4, reader(kRlx), isTorn);
  expect("a pair, the first load acquires", false, 3, reader(kAcq), isTorn);
}

void orders_swaps_of_pairs_with_seq_cst_loads_of_either_word() {
  for (uint64_t* looked : {p, q}) {
    for (Order order : {kSc, Order::kAcqRel}) {
      expect("SB with swaps of pairs", order != kSc, kAnyNumber,
             {[=] { swap_pair(x, y, kNone, kOnes, order), seen[0] = load(looked, kSc); },
              [=] { swap_pair(p, q, kNone, kOnes, order), seen[1] = load(y, kSc); }},
             both_saw_nothing);
    }
  }
}

}  // namespace

int main() {
  simulator.set_up();
  x = static_cast<uint64_t*>(simulator.allocate(8));
  y = static_cast<uint64_t*>(simulator.allocate(8));
  p = static_cast<uint64_t*>(simulator.allocate(8));
  q = static_cast<uint64_t*>(simulator.allocate(8));
  for (bool isCxx20 : {false, true}) {
    simulator.memory.rules.isCxx20 = isCxx20;
    const Test tests[] = {
        TEST(keeps_a_store_behind_a_later_load_only_if_both_are_seq_cst),
        TEST(passes_a_message_only_from_a_release_to_an_acquire),
        TEST(reads_no_write_that_is_yet_to_be_made),
        TEST(puts_a_store_in_the_middle_of_modification_order),
        TEST(lets_two_readers_disagree_on_the_order_of_independent_stores_but_for_seq_cst),
        TEST(reads_one_word_in_its_modification_order),
        TEST(hands_on_what_a_thread_has_learned),
        TEST(makes_each_update_once),
        TEST(continues_a_release_sequence_by_updates_and_not_by_stores),
        TEST(does_not_take_the_seq_cst_order_for_happens_before),
        TEST(swaps_both_words_of_a_pair_at_once),
        TEST(shows_half_a_pair_to_loads_that_no_acquire_keeps_in_order),
        TEST(orders_swaps_of_pairs_with_seq_cst_loads_of_either_word),
    };
    run_tests(isCxx20 ? "litmus, seq_cst as in C++20" : "litmus, seq_cst as in RC11", tests);
  }
}
