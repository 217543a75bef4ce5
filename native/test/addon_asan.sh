#!/bin/sh
# The TypeScript suite on the addon under AddressSanitizer and UBSan: addon_asan.sh [vitest file filter ...].
#
# What works under stock Node and vitest: libasan is preloaded into everything, vitest's own process, its forked workers
# and the fixtures they start, since a sanitized library can not be loaded later; ORBIT_NATIVE_PATH names the addon. V8
# leaks by ASan's standards, so detect_leaks=0 (leaks.test.ts counts instead). A finding aborts the process that made it,
# and with it the test file. Skipped by themselves here, by isSanitized: fault points, which need an addon of their own,
# and what bounds the address space, most of which ASan takes.
set -e
cd "$(dirname "$0")/../.."
node=${NODE:-node}
addon=$PWD/native/build/addon/asan/orbit.node
runtime=$(${ADDON_CXX:-g++} -print-file-name=libasan.so)
if [ ! -f "$runtime" ]; then
  echo "addon_asan.sh: skipped, the compiler has no libasan.so"
  test -z "$CI"
  exit
fi
export ORBIT_NATIVE_PATH="$addon"
export ASAN_OPTIONS="detect_leaks=0:abort_on_error=1:handle_abort=0:allocator_may_return_null=1${ASAN_OPTIONS:+:$ASAN_OPTIONS}"
export UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1"
export ORBIT_STORM_SECONDS=${ORBIT_STORM_SECONDS:-1}
export ORBIT_HUNT_SECONDS=${ORBIT_HUNT_SECONDS:-1}
if [ $# -eq 0 ]; then
  set -- --exclude 'test/recipes/**' --exclude 'packages/**' lifecycle hostile storm leaks names rings cursors orbital heartbeat events subscriptions cache errors processes types pod netid contest claiming getorset hunt metrics cli/damaged
fi
# The runtime must be there, or the addon does not load: say so rather than run the wrong one.
LD_PRELOAD="$runtime" $node -e 'process.dlopen({ exports: {} }, process.env.ORBIT_NATIVE_PATH)'
LD_PRELOAD="$runtime" $node node_modules/vitest/vitest.mjs run "$@"
