// The few things every native test needs: a check that names its line, a private seeded generator, options.
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CHECK(condition)                                                                         \
  do {                                                                                           \
    if (!(condition)) {                                                                          \
      fprintf(stderr, "%s:%d: failed: %s (pid %d)\n", __FILE__, __LINE__, #condition, getpid()); \
      abort();                                                                                   \
    }                                                                                            \
  } while (0)

#define CHECK_EQUAL(actual, expected)                                                                             \
  do {                                                                                                            \
    long long actualValue = static_cast<long long>(actual), expectedValue = static_cast<long long>(expected);     \
    if (actualValue != expectedValue) {                                                                           \
      fprintf(stderr, "%s:%d: failed: %s is %lld, not %lld (pid %d)\n", __FILE__, __LINE__, #actual, actualValue, \
              expectedValue, getpid());                                                                           \
      abort();                                                                                                    \
    }                                                                                                             \
  } while (0)

// SplitMix64: the same numbers everywhere from one printed seed.
struct Random {
  uint64_t state;
  uint64_t next() {
    uint64_t z = (state += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  uint64_t below(uint64_t bound) { return next() % bound; }
};

// --seconds N (how long a storm blows), --stride N (a call is stopped at each Nth of its instructions), --seed N. The
// seed is printed, so that a failure can be run again.
struct Options {
  double seconds = 2;
  uint64_t stride = 1;
  uint64_t seed = static_cast<uint64_t>(time(nullptr)) * 1000003 + static_cast<uint64_t>(getpid());
};

inline Options parse_options(int count, char** words) {
  Options options;
  for (int i = 1; i < count; i++) {
    bool hasValue = i + 1 < count;
    if (strcmp(words[i], "--seconds") == 0 && hasValue) {
      options.seconds = atof(words[++i]);
    } else if (strcmp(words[i], "--stride") == 0 && hasValue && atoi(words[i + 1]) > 0) {
      options.stride = strtoull(words[++i], nullptr, 0);
    } else if (strcmp(words[i], "--seed") == 0 && hasValue) {
      options.seed = strtoull(words[++i], nullptr, 0);
    } else {
      fprintf(stderr, "usage: %s [--seconds N] [--stride N] [--seed N]\n", words[0]);
      exit(2);
    }
  }
  printf("%s: seed %llu\n", words[0], static_cast<unsigned long long>(options.seed));
  fflush(stdout);
  return options;
}

inline double seconds_now() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// Frees what aligned_alloc gave, for std::unique_ptr.
struct Free {
  void operator()(void* memory) const { free(memory); }
};

// A test reads as a sentence: the name of its function.
struct Test {
  const char* sentence;
  void (*run)();
};
#define TEST(name) \
  { #name, name }

// Runs each in turn. The alarm is a watchdog: a search without a bound must not block the build.
template <size_t count>
int run_tests(const char* title, const Test (&tests)[count]) {
  alarm(60);
  for (const Test& test : tests) {
    printf("  %s\n", test.sentence);
    fflush(stdout);
    test.run();
  }
  printf("%s: %zu tests passed\n", title, count);
  return 0;
}
