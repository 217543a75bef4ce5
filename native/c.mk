# orbit.h, the C interface, as a library. Included by Makefile.
#   make c        build/c/liborbit.a and build/c/liborbit.so; native/c/CMakeLists.txt builds the same with cmake
LIBRARY_SOURCES := $(wildcard posix/*.cc fleet/*.cc c/*.cc)
LIBRARY_OBJECTS := $(LIBRARY_SOURCES:%.cc=$(OUT)/c/%.o)

.PHONY: c
c: $(OUT)/c/liborbit.a $(OUT)/c/liborbit.so
$(OUT)/c/%.o: %.cc $(HEADERS)
	@mkdir -p $(@D)
	$(CXX) $(CXXFLAGS) -O2 -fPIC -fvisibility=hidden -fvisibility-inlines-hidden -c $< -o $@
$(OUT)/c/liborbit.a: $(LIBRARY_OBJECTS)
	rm -f $@ && ar rcs $@ $^
$(OUT)/c/liborbit.so: $(LIBRARY_OBJECTS)
	$(CXX) $(CXXFLAGS) -shared $^ -o $@

# The only test that links files of fleet/.
$(OUT)/plain/c_test: test/c_test.cc $(OUT)/c/liborbit.a | $(OUT)/plain
	$(CXX) $(CXXFLAGS) $(PLAIN_FLAGS) $^ -o $@
$(OUT)/asan/c_test: test/c_test.cc $(LIBRARY_SOURCES) $(HEADERS) | $(OUT)/asan
	$(CXX) $(CXXFLAGS) $(ASAN_FLAGS) -O0 $< $(LIBRARY_SOURCES) -o $@
