# Three more builds of the Node addon, for the TypeScript suite: ORBIT_NATIVE_PATH names the one that a process loads.
#   make addons       build/addon/fault/orbit.node   with the named fault points of fault.h, the checks of debug.h
#                     build/addon/asan/orbit.node    under AddressSanitizer and UBSan, with the same checks
#                     build/addon/layout/orbit.node  of another layout version, as of another release
#   make asan-suite   the TypeScript suite on the sanitized addon: test/addon_asan.sh
# These are the only rules here that know Node's headers.
NODE ?= node
ADDON_CXX ?= g++
ADDON_FOLDERS := protocol posix fleet node
ADDON_SOURCES := $(wildcard $(ADDON_FOLDERS:%=%/*.cc))
ADDON_HEADERS := $(wildcard $(ADDON_FOLDERS:%=%/*.h)) ../package.json
# Asks Node at the first use, and once.
ADDON_FLAGS = $(eval ADDON_FLAGS := $(ADDON_SETTINGS) $(shell sh test/node_headers.sh $(NODE)))$(ADDON_FLAGS)
ADDON_SETTINGS = -std=c++17 -Wall -Wextra -Werror -g -fPIC -shared -fvisibility=hidden -DNAPI_VERSION=8 \
  -DNODE_ADDON_API_CPP_EXCEPTIONS -DNODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS \
  -DORBIT_VERSION=$(shell $(NODE) -p "JSON.stringify(JSON.stringify(require('../package.json').version))")
ADDON_fault := -O2 -DORBIT_FAULT_POINTS -DORBIT_CHECKS
# Not vptr: it asks the system with a pipe, and one test has no descriptors left.
ADDON_asan := -O1 -DORBIT_CHECKS -fsanitize=address,undefined -fno-sanitize=vptr -fno-sanitize-recover=all -fno-omit-frame-pointer

.PHONY: addons asan-suite
addons: $(OUT)/addon/fault/orbit.node $(OUT)/addon/asan/orbit.node $(OUT)/addon/layout/orbit.node

define ADDON
.PRECIOUS: $(OUT)/addon/$(1)/%.o
$(OUT)/addon/$(1)/%.o: %.cc $(ADDON_HEADERS)
	@mkdir -p $$(@D)
	$(ADDON_CXX) -I. $$(ADDON_FLAGS) $(ADDON_$(1)) -c $$< -o $$@
$(OUT)/addon/$(1)/orbit.node: $(ADDON_SOURCES:%.cc=$(OUT)/addon/$(1)/%.o)
	$(ADDON_CXX) $$(ADDON_FLAGS) $(ADDON_$(1)) $$^ -o $$@.$$$$$$$$ && mv $$@.$$$$$$$$ $$@
endef
$(foreach addon,fault asan,$(eval $(call ADDON,$(addon))))

$(OUT)/addon/layout/orbit.node: $(ADDON_SOURCES) $(ADDON_HEADERS)
	rm -rf $(@D) && mkdir -p $(@D) && cp -r $(ADDON_FOLDERS) $(@D)
	sed 's/kLayoutVersion = [0-9]*;/kLayoutVersion = 999;/' protocol/layout.h >$(@D)/protocol/layout.h && ! cmp -s protocol/layout.h $(@D)/protocol/layout.h
	$(ADDON_CXX) -I$(@D) $(ADDON_FLAGS) $(ADDON_SOURCES:%=$(@D)/%) -o $@.$$$$ && mv $@.$$$$ $@

asan-suite: $(OUT)/addon/asan/orbit.node
	sh test/addon_asan.sh
