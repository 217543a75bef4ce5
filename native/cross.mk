# The native tests as code for another machine or C library. Included by Makefile.
#   make arm64          the unit tests and a part of the simulator's, as arm64 code in an emulator
#   make arm64-count    the arm64 instructions of a publish and a read
#   make arm64-addons   the addons that `npm run test:arm64` loads
#   make musl           the unit tests with the C library musl, by zig: ZIG names the program
#   make musl-addon     the addon for Node on musl; no Node for musl is on npm, so nothing loads it
#   make macos          compiles the addon for macOS, x64 and arm64, without code
#   make macos-addons   the addons for Node on macOS, x64 and arm64, by zig: nothing runs them
# The emulator keeps the memory order of the machine it runs on: weak orders are the simulator's part. It has no ptrace,
# so the step tests skip themselves there, which is a failure where CI is set.
ARM64_CXX ?= aarch64-linux-gnu-g++
ARM64_RUN ?= qemu-aarch64-static
ARM64_ARGS = OUT=$(OUT)/arm64 CXX="$(ARM64_CXX) -static" ADDON_CXX=$(ARM64_CXX) RUN="env -u CI $(ARM64_RUN)"
# Enough to switch fibers many times, and to meet a death.
ARM64_SCENES ?= ring-three-writers attach index-laps
ZIG ?= zig
MACOS_MACHINES ?= x86_64 aarch64

MUSL_CXX = $(ZIG) c++ -target $(shell uname -m)-linux-musl

.PHONY: arm64 arm64-count arm64-addons arm64-sim musl musl-addon macos macos-addons
arm64:
	@if command -v $(ARM64_CXX) >/dev/null && command -v $(ARM64_RUN) >/dev/null; then \
	  $(MAKE) --no-print-directory $(ARM64_ARGS) unit arm64-sim; \
	else \
	  echo "arm64: skipped, $(ARM64_CXX) or $(ARM64_RUN) is not installed" \
	    "(apt-get install g++-aarch64-linux-gnu qemu-user-static)"; test -z "$$CI"; \
	fi
arm64-sim: $(OUT)/sim/oracle_test $(OUT)/sim/sim
	@$(RUN) $(OUT)/sim/oracle_test --programs 20
	@$(RUN) $(OUT)/sim/sim run $(ARM64_SCENES)
arm64-count:
	@$(MAKE) --no-print-directory $(ARM64_ARGS) $(OUT)/arm64/bench/instructions
	@bench/instructions.sh $(OUT)/arm64/bench/instructions $(ARM64_RUN)
arm64-addons:
	$(MAKE) --no-print-directory $(ARM64_ARGS) $(OUT)/arm64/addon/fault/orbit.node $(OUT)/arm64/addon/layout/orbit.node
musl:
	$(MAKE) --no-print-directory OUT=$(OUT)/musl CXX="$(MUSL_CXX)" unit
musl-addon:
	$(MAKE) --no-print-directory OUT=$(OUT)/musl ADDON_CXX="$(MUSL_CXX)" $(OUT)/musl/addon/fault/orbit.node
macos:
	@set -e; mkdir -p $(OUT)/macos; for machine in $(MACOS_MACHINES); do \
	  printf '%s\n' $(ADDON_SOURCES) | xargs -P $$(nproc) -I FILE sh -c '$$0 "$$@" -c FILE -o $(OUT)/macos/$$(basename FILE).o' \
	    $(ZIG) c++ -target $$machine-macos -I. $(ADDON_FLAGS) -O0; \
	  echo "macos: compiles for $$machine"; \
	done
macos-addons:
	@set -e; for machine in $(MACOS_MACHINES); do \
	  $(MAKE) --no-print-directory OUT=$(OUT)/macos-$$machine \
	    ADDON_CXX="$(ZIG) c++ -target $$machine-macos -Wno-unused-command-line-argument -Wl,-undefined,dynamic_lookup" \
	    $(OUT)/macos-$$machine/addon/fault/orbit.node; \
	done
