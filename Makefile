# The project's commands. `make` alone lists them.
.DEFAULT_GOAL := help
CARGO ?= cargo
DATA ?= ./data
PROFILE ?= quick
ROUNDS ?= 50
HISTORIES ?= 1000000
FUZZ_SECONDS ?= 60
CHROMIUM ?= chromium
ATTACK_SECONDS ?= 600
ATTACK_SEED ?= $$(date +%s)

.PHONY: help run test test-clients conformance openapi-test jq-test clock-test lint bench bench-lists bench-schedules bench-instructions crash-test attack sim mutants fuzz tidy fmt

help: ## List these commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  make %-18s %s\n", $$1, $$2}'

run: ## Build the server and start it on 127.0.0.1:8080 with the examples (DATA=./data, PROFILE=quick)
	$(CARGO) build --profile $(PROFILE) --bin stepwell
	"$$($(CARGO) metadata --format-version 1 --no-deps | sed -E 's/.*"target_directory":"([^"]*)".*/\1/')/$(PROFILE)/stepwell" serve --examples examples --data-dir "$(DATA)"

test: ## Run all tests
	@command -v jq >/dev/null || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends jq; }
	$(CARGO) test --workspace
	@$(MAKE) --no-print-directory test-clients
	@$(MAKE) --no-print-directory conformance
	@$(MAKE) --no-print-directory openapi-test
	@$(MAKE) --no-print-directory clock-test
	@$(MAKE) --no-print-directory jq-test

VENV := target/clients-venv
NODE_MODULES := clients/typescript/node_modules/.package-lock.json

test-clients: $(VENV)/installed $(NODE_MODULES) ## Run the tests of the Python and TypeScript clients against the server, also in a browser (CHROMIUM=chromium)
	$(CARGO) build -p stepwell
	@command -v "$(CHROMIUM)" >/dev/null || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; }
	@set -e; export CHROMIUM="$(CHROMIUM)" STEPWELL_BIN="$$($(CARGO) metadata --format-version 1 --no-deps | sed -E 's/.*"target_directory":"([^"]*)".*/\1/')/debug/stepwell"; \
	bin="$(CURDIR)/$(VENV)/bin"; export MYPY_CACHE_DIR="$(CURDIR)/target/mypy"; \
	for client in python python-vellum python-abi; do \
		(cd clients/$$client && set -x && "$$bin/mypy" && "$$bin/pytest" -p no:cacheprovider) || exit 1; done; \
	cd clients/typescript && npm test

$(VENV)/installed: clients/python/pyproject.toml clients/python-vellum/pyproject.toml clients/python-abi/pyproject.toml
	python3 -m venv $(VENV)
	$(VENV)/bin/pip install --quiet -e 'clients/python[test]' -e clients/python-vellum -e clients/python-abi
	touch $@

$(NODE_MODULES): clients/typescript/package-lock.json
	cd clients/typescript && npm ci
	touch $@

conformance: ## Run the published vellum clients and webhook libraries against this build (needs python3, node and npm)
	$(CARGO) build --bin stepwell
	@target="$$($(CARGO) metadata --format-version 1 --no-deps | sed -E 's/.*"target_directory":"([^"]*)".*/\1/')"; \
		sh tests/vellum/run.sh "$$target/debug/stepwell" "$$target" && \
		sh tests/webhooks/run.sh "$$target/debug/stepwell" "$$target"

OPENAPI_VENV := target/openapi-venv
SCHEMATHESIS := 4.32.5

openapi-test: $(OPENAPI_VENV)/schemathesis-$(SCHEMATHESIS) ## Send requests that the OpenAPI description allows and forbids (Schemathesis; needs python3)
	$(CARGO) build -p stepwell
	@target="$$($(CARGO) metadata --format-version 1 --no-deps | sed -E 's/.*"target_directory":"([^"]*)".*/\1/')"; \
		$(OPENAPI_VENV)/bin/python tests/openapi/run.py "$$target/debug/stepwell" "$$target/openapi"

$(OPENAPI_VENV)/schemathesis-$(SCHEMATHESIS):
	python3 -m venv $(OPENAPI_VENV)
	$(OPENAPI_VENV)/bin/pip install --quiet schemathesis==$(SCHEMATHESIS)
	touch $@

# The Python package `jq` contains the source of jq with its tests, which are not part of this project.
JQ_VERSION := 1.7.1
JQ_PACKAGE := 1.8.0
JQ_SHA256 := 478c9ca129fd2e3443fe27314b455e211e0d8c60bc8ff7df703873deeee580c2
JQ_SOURCE := target/jq-$(JQ_VERSION)

jq-test: $(JQ_SOURCE)/verified ## Run the published tests of jq and the examples of its manual (needs python3)
	JQ_SOURCE="$(CURDIR)/$(JQ_SOURCE)" $(CARGO) test -p jq-bounded --test jq_suite -- --ignored

$(JQ_SOURCE)/verified:
	python3 -m venv target/jq-venv
	target/jq-venv/bin/pip download --quiet --no-deps --no-binary :all: --dest target/jq-download jq==$(JQ_PACKAGE)
	tar -xzf target/jq-download/jq-$(JQ_PACKAGE).tar.gz -C target/jq-download
	echo "$(JQ_SHA256)  target/jq-download/jq-$(JQ_PACKAGE)/deps/jq-$(JQ_VERSION).tar.gz" | sha256sum --check --quiet
	tar -xzf target/jq-download/jq-$(JQ_PACKAGE)/deps/jq-$(JQ_VERSION).tar.gz -C target
	touch $@

lint: ## Check the format, clippy warnings, and the project's own rules
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	$(CARGO) clippy --manifest-path fuzz/Cargo.toml --no-default-features --target-dir target/fuzz-check -- -D warnings
	$(CARGO) run -q -p xtask -- tidy

tidy: ## Check the project's own rules only (layers, import circles, forbidden calls, sizes, docs, words)
	$(CARGO) run -q -p xtask -- tidy

fmt: ## Format the code
	$(CARGO) fmt --all

bench: ## Measure the server and the limits of the machine (release build, load by wrk)
	@command -v wrk >/dev/null || { apt-get update -qq && apt-get install -y -qq wrk; }
	$(CARGO) build --release --bin stepwell
	$(CARGO) run --release -q -p bench

bench-lists: ## Measure lists over 1,000,000 executions (release build)
	$(CARGO) build --release --bin stepwell
	$(CARGO) run --release -q -p bench -- lists

bench-schedules: ## Measure the cost of 100,000 idle schedules and the lateness of others (release build)
	$(CARGO) build --release --bin stepwell
	$(CARGO) run --release -q -p bench -- schedules

bench-instructions: ## Count the instructions of one execution with callgrind (release build)
	@command -v valgrind >/dev/null || { apt-get update -qq && apt-get install -y -qq valgrind; }
	$(CARGO) build --release --bin stepwell
	$(CARGO) run --release -q -p bench -- instructions

clock-test: ## Set the clock of the real server back (libfaketime, the package faketime)
	$(CARGO) build -p stepwell
	@ls /usr/lib/*/faketime/libfaketimeMT.so.1 >/dev/null 2>&1 || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends faketime; }
	@target="$$($(CARGO) metadata --format-version 1 --no-deps | sed -E 's/.*"target_directory":"([^"]*)".*/\1/')"; \
		python3 tests/clock/run.py "$$target/debug/stepwell"

crash-test: ## Kill the server while executions are in flight, ROUNDS=50 times
	STEPWELL_CRASH_ROUNDS=$(ROUNDS) $(CARGO) test -p stepwell --test crash -- --nocapture

attack: ## Attack the server for ATTACK_SECONDS=600: hostile expressions, requests, programs, strangers, connections, kills (ATTACK_SEED=…)
	STEPWELL_ATTACK_ROUNDS=3 $(CARGO) test -p stepwell-core --lib expr::cost_tests
	STEPWELL_MEMORY_FULL=1 $(CARGO) test -p stepwell --test memory -- --nocapture
	STEPWELL_ATTACK_SECONDS=$(ATTACK_SECONDS) STEPWELL_ATTACK_SEED=$(ATTACK_SEED) $(CARGO) test -p stepwell --test attack -- --nocapture

sim: ## Run the simulator at full speed, HISTORIES=1000000 random histories
	STEPWELL_SIM_HISTORIES=$(HISTORIES) $(CARGO) test --release -p stepwell-core --test simulator -- --nocapture

mutants: ## Plant bugs in the state machine; the simulator must catch each
	$(CARGO) run -q -p xtask -- mutants

fuzz: ## Fuzz the parsers, FUZZ_SECONDS=60 each (needs a nightly toolchain)
	@$(CARGO) fuzz --version >/dev/null 2>&1 || $(CARGO) install --locked cargo-fuzz
	cd fuzz && for target in $$($(CARGO) fuzz list); do \
		$(CARGO) +nightly fuzz run $$target -- -max_total_time=$(FUZZ_SECONDS) || exit 1; done
