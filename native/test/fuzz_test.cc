// fuzz_ring.cc without libFuzzer: seeded random programs, for machines with no clang.
#include "fuzz_ring.cc"

namespace {

constexpr unsigned kHangSeconds = 20;  // for a thousand inputs; they need less than one
constexpr size_t kLongestInput = 600;

}  // namespace

int main(int count, char** words) {
  Options options = parse_options(count, words);
  Random random{options.seed};
  double end = seconds_now() + options.seconds;
  uint64_t inputs = 0;
  uint8_t input[kLongestInput];
  do {
    alarm(kHangSeconds);
    for (int i = 0; i < 1000; i++, inputs++) {
      size_t size = random.below(kLongestInput + 1);
      for (size_t at = 0; at < size; at++) input[at] = static_cast<uint8_t>(random.next());
      LLVMFuzzerTestOneInput(input, size);
    }
  } while (seconds_now() < end);
  printf("%llu random programs\n", static_cast<unsigned long long>(inputs));
  return 0;
}
