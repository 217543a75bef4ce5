# Spin models, each with the mutants that must fail: model/check.sh. Included by Makefile.
MODELS := $(wildcard model/*.pml)

model: | $(OUT)/model
	@if command -v spin >/dev/null; then \
	  set -e; for model in $(MODELS); do sh model/check.sh $$model $(OUT)/model; done; \
	else \
	  echo "model: skipped, spin is not installed (apt-get install spin)"; test -z "$$CI"; \
	fi
