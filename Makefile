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
CARGO_DENY := 0.20.2

.PHONY: help run setup test test-clients generated-clients test-deployment conformance openapi-test jq-test clock-test behaviour-test lint deny bench bench-lists bench-schedules bench-waiting bench-instructions crash-test attack sim mutants fuzz tidy fmt

# The folder of the binaries, without the profile.
TARGET = $$($(CARGO) metadata --format-version 1 --no-deps | sed -E 's/.*"target_directory":"([^"]*)".*/\1/')

help: ## List these commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  make %-18s %s\n", $$1, $$2}'

run: ## Build the server and start it on 127.0.0.1:8080 with the examples (DATA=./data, PROFILE=quick)
	$(CARGO) build --profile $(PROFILE) --bin stepwell
	"$(TARGET)/$(PROFILE)/stepwell" serve --examples examples --data-dir "$(DATA)"

setup: ## Install what the tests need and is missing, and report it (Debian packages, Python environments, npm packages)
	@CHROMIUM="$(CHROMIUM)" sh tests/setup.sh

test: setup ## Run all tests, after setup
	$(CARGO) test --workspace
	@$(MAKE) --no-print-directory test-clients
	@$(MAKE) --no-print-directory conformance
	@$(MAKE) --no-print-directory generated-clients
	@$(MAKE) --no-print-directory openapi-test
	@$(MAKE) --no-print-directory clock-test
	@$(MAKE) --no-print-directory behaviour-test
	@$(MAKE) --no-print-directory jq-test

# The targets of single suites install nothing.
needs = @test -e "$(1)" || { echo "$(1) is missing: run \`make setup\`" >&2; exit 1; }

test-clients: ## Run the tests of the Python and TypeScript clients against the server, also in a browser (CHROMIUM=chromium)
	$(call needs,target/clients-venv/.setup)
	$(call needs,clients/typescript/node_modules/.setup)
	$(CARGO) build -p stepwell
	@set -e; export CHROMIUM="$(CHROMIUM)" STEPWELL_BIN="$(TARGET)/debug/stepwell"; \
	bin="$(CURDIR)/target/clients-venv/bin"; export MYPY_CACHE_DIR="$(CURDIR)/target/mypy"; \
	for client in python python-vellum python-abi; do \
		(cd clients/$$client && set -x && "$$bin/mypy" && "$$bin/pytest" -p no:cacheprovider) || exit 1; done; \
	cd clients/typescript && npm test

conformance: ## Run the published vellum clients and webhook libraries against this build
	$(call needs,target/conformance/node-standardwebhooks/.setup)
	$(CARGO) build --bin stepwell
	@binary="$(TARGET)/debug/stepwell"; \
		sh tests/vellum/run.sh "$$binary" target/conformance && \
		sh tests/webhooks/run.sh "$$binary" target/conformance

openapi-test: ## Send requests that the OpenAPI description allows and forbids (Schemathesis)
	$(call needs,target/openapi-venv/.setup)
	$(CARGO) build -p stepwell
	@target="$(TARGET)"; \
		target/openapi-venv/bin/python tests/openapi/run.py "$$target/debug/stepwell" "$$target/openapi"

generated-clients: ## Lint the OpenAPI description (redocly), and run clients that generators create from it
	$(call needs,target/generators-venv/.setup)
	$(call needs,target/generators-node/.setup)
	$(CARGO) build -p stepwell
	@target="$(TARGET)"; python3 tests/openapi/generated.py "$$target/debug/stepwell" "$$target/openapi" \
		target/generators-venv target/generators-node/node_modules

JQ_SOURCE := target/jq-1.7.1

jq-test: ## Run the published tests of jq and the examples of its manual
	$(call needs,$(JQ_SOURCE)/.setup)
	JQ_SOURCE="$(CURDIR)/$(JQ_SOURCE)" $(CARGO) test -p jq-bounded --test jq_suite -- --ignored

clock-test: ## Set the clock of the real server back (libfaketime, the package faketime)
	$(CARGO) build -p stepwell
	@python3 tests/clock/run.py "$(TARGET)/debug/stepwell"

behaviour-test: ## Check what users and operators rely on, with the real server and command line (CHECK=part of a name)
	$(CARGO) build -p stepwell
	@python3 tests/behaviour/run.py "$(TARGET)/debug/stepwell" -k "$(CHECK)"

test-deployment: ## Run the files of examples/deployment against this build: proxies, rules, container image (installs nginx, haproxy, apache2, caddy, prometheus, buildah)
	@sh tests/setup.sh deployment
	$(CARGO) build -p stepwell
	@python3 tests/deployment/run.py "$(TARGET)/debug/stepwell"

lint: ## Check the format, warnings of clippy and rustdoc, and the project's own rules
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	$(CARGO) clippy --manifest-path fuzz/Cargo.toml --no-default-features --target-dir target/fuzz-check -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps
	$(CARGO) run -q -p xtask -- tidy

deny: ## Check licences, banned crates and sources of the dependencies (installs cargo-deny, which is slow to compile)
	@$(CARGO) deny --version >/dev/null 2>&1 || $(CARGO) install --locked cargo-deny@$(CARGO_DENY)
	$(CARGO) deny check licenses bans sources

tidy: ## Check the project's own rules only (layers, import circles, forbidden calls, sizes, docs, words)
	$(CARGO) run -q -p xtask -- tidy

fmt: ## Format the code
	$(CARGO) fmt --all

bench: ## Measure the server and the limits of the machine (release build; installs wrk)
	@sh tests/setup.sh bench
	$(CARGO) build --release --bin stepwell
	$(CARGO) run --release -q -p bench

bench-lists: ## Measure lists over 1,000,000 executions (release build)
	$(CARGO) build --release --bin stepwell
	$(CARGO) run --release -q -p bench -- lists

bench-schedules: ## Measure the cost of 100,000 idle schedules and the lateness of others (release build)
	$(CARGO) build --release --bin stepwell
	$(CARGO) run --release -q -p bench -- schedules

bench-waiting: ## Measure the cost of 1,000,000 waiting executions (release build)
	@sh tests/setup.sh bench
	$(CARGO) build --release --bin stepwell
	$(CARGO) run --release -q -p bench -- waiting

bench-instructions: ## Count the instructions of one execution with callgrind (release build; installs valgrind)
	@sh tests/setup.sh bench
	$(CARGO) build --release --bin stepwell
	$(CARGO) run --release -q -p bench -- instructions

crash-test: ## Kill the server while executions are in flight, ROUNDS=50 times
	STEPWELL_CRASH_ROUNDS=$(ROUNDS) $(CARGO) test -p stepwell --test crash -- --nocapture

attack: ## Attack the server for ATTACK_SECONDS=600: hostile expressions, requests, programs, strangers, connections, kills, memory (ATTACK_SEED=…)
	STEPWELL_ATTACK_ROUNDS=3 $(CARGO) test -p stepwell-core --lib expr::cost_tests
	STEPWELL_MEMORY_FULL=1 STEPWELL_ATTACK_SECONDS=$(ATTACK_SECONDS) STEPWELL_ATTACK_SEED=$(ATTACK_SEED) $(CARGO) test -p stepwell --test attack -- --nocapture

sim: ## Run the simulator at full speed, HISTORIES=1000000 random histories
	STEPWELL_SIM_HISTORIES=$(HISTORIES) $(CARGO) test --release -p stepwell-core --test simulator -- --nocapture

mutants: ## Plant bugs in the state machine; the simulator must catch each
	$(CARGO) run -q -p xtask -- mutants

fuzz: ## Fuzz the parsers, FUZZ_SECONDS=60 each (needs a nightly toolchain)
	@$(CARGO) fuzz --version >/dev/null 2>&1 || $(CARGO) install --locked cargo-fuzz
	cd fuzz && for target in $$($(CARGO) fuzz list); do \
		$(CARGO) +nightly fuzz run $$target -- -max_total_time=$(FUZZ_SECONDS) || exit 1; done
