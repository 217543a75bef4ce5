# The simulated memory, sim/README.md: the shipped headers, exhaustively and in storms. Included by Makefile.
#   make sim        the simulator's own tests, the scenes, the orders, storms of SECONDS_EACH seconds: about a minute
#   make sim-long   scenes of millions of executions, 20,000 random programs, storms of 100 * SECONDS_EACH seconds
SIM_HEADERS := $(wildcard protocol/*.h sim/*.h test/check.h)
SIM_TESTS := $(patsubst sim/%.cc,%,$(wildcard sim/*_test.cc))
SIM_ENGINE := memory simulator explorer site
SIM_SOURCES := $(filter-out $(SIM_TESTS),$(patsubst sim/%.cc,%,$(wildcard sim/*.cc)))
SIM_FLAGS := -O2 -fno-threadsafe-statics -DORBIT_MOST_LOOKS=2 -DORBIT_WORDS='"sim/words.h"'

.PHONY: sim sim-long
.PRECIOUS: $(OUT)/sim/%.o
sim: $(SIM_TESTS:%=$(OUT)/sim/%) $(OUT)/sim/sim
	@set -e; for test in $(SIM_TESTS); do $(OUT)/sim/$$test; done
	@$(OUT)/sim/sim run
	@$(OUT)/sim/sim orders
	@$(OUT)/sim/sim storm $(SECONDS_EACH)

sim-long: $(OUT)/sim/oracle_test $(OUT)/sim/sim
	$(OUT)/sim/oracle_test --programs 20000
	$(OUT)/sim/sim run long
	$(OUT)/sim/sim storm $(SECONDS_EACH)00

$(OUT)/sim/%.o: sim/%.cc $(SIM_HEADERS) | $(OUT)/sim
	$(CXX) $(CXXFLAGS) $(SIM_FLAGS) -c $< -o $@
$(OUT)/sim/%_test: $(OUT)/sim/%_test.o $(SIM_ENGINE:%=$(OUT)/sim/%.o)
	$(CXX) $(CXXFLAGS) $^ -o $@
$(OUT)/sim/sim: $(SIM_SOURCES:%=$(OUT)/sim/%.o)
	$(CXX) $(CXXFLAGS) $^ -o $@
$(OUT)/sim:
	mkdir -p $@
