# The project's commands. `make` alone lists them.
.DEFAULT_GOAL := help
CARGO ?= cargo
DATA ?= ./data
ROUNDS ?= 50
FUZZ_SECONDS ?= 60

.PHONY: help run test conformance lint bench crash-test fuzz tidy fmt

help: ## List these commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  make %-12s %s\n", $$1, $$2}'

run: ## Build the server and start it on 127.0.0.1:8080 with the examples (DATA=./data)
	$(CARGO) build --release --bin stepwell
	"$$($(CARGO) metadata --format-version 1 --no-deps | sed -E 's/.*"target_directory":"([^"]*)".*/\1/')/release/stepwell" serve --examples examples --data-dir "$(DATA)"

test: ## Run all tests
	$(CARGO) test --workspace
	@$(MAKE) --no-print-directory conformance

conformance: ## Run the published vellum clients against this build (needs python3, node and npm)
	$(CARGO) build --bin stepwell
	@target="$$($(CARGO) metadata --format-version 1 --no-deps | sed -E 's/.*"target_directory":"([^"]*)".*/\1/')"; \
		sh tests/vellum/run.sh "$$target/debug/stepwell" "$$target"

lint: ## Check format, clippy without warnings, and the project's own rules
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	$(CARGO) run -q -p xtask -- tidy

tidy: ## Check the project's own rules only (layers, forbidden calls, sizes, docs)
	$(CARGO) run -q -p xtask -- tidy

fmt: ## Format the code
	$(CARGO) fmt --all

bench: ## Measure the server on this machine (release build; needs wrk)
	$(CARGO) build --release --bin stepwell
	$(CARGO) run --release -q -p bench

crash-test: ## Kill the server in the middle of its work, ROUNDS=50 times
	STEPWELL_CRASH_ROUNDS=$(ROUNDS) $(CARGO) test -p stepwell --test crash -- --nocapture

fuzz: ## Fuzz the parsers, FUZZ_SECONDS=60 each (needs cargo-fuzz and a nightly toolchain)
	cd fuzz && for target in $$($(CARGO) fuzz list); do \
		$(CARGO) +nightly fuzz run $$target -- -max_total_time=$(FUZZ_SECONDS) || exit 1; done
