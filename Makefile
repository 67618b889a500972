# Everything a newcomer, a developer and CI call. `make help` lists the targets.
SHELL := /bin/sh
.DEFAULT_GOAL := help
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
VAR ?= ./var

.PHONY: help build run test demo test-fast parity-long mutants bench bench-page lint types tidy debug load docs lock clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/installed: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed (set PYTHON=...)"; exit 1; }
	@command -v gcc >/dev/null || command -v cc >/dev/null || { echo "a C compiler is needed: apt-get install gcc, or dnf install gcc"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@touch $@

.venv/linked: .venv/installed pyproject.toml setup.py
	ALTYN_LINK_ONLY=1 $(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# The compiled gRPC door wants libnghttp2's headers. Where they cannot be installed the build goes on without it.
build/nghttp2-asked:
	@mkdir -p build
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && [ ! -e /usr/include/nghttp2/nghttp2.h ]; then \
	  (apt-get install -y -qq libnghttp2-dev || { apt-get update -qq && apt-get install -y -qq libnghttp2-dev; }) \
	  >build/nghttp2.log 2>&1 || true; fi
	@touch $@

# The story of the console is tested in Chromium. Where it cannot be installed that test is skipped, except in CI.
build/chromium-asked:
	@mkdir -p build
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && ! command -v chromium >/dev/null; then \
	  (apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core || { apt-get update -qq && \
	  apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core; }) >build/chromium.log 2>&1 || true; fi
	@touch $@

# Clients that others wrote talk to the doors in tests/interop. Those that cannot be installed are skipped by name.
build/clients-asked: tests/interop/grpc-js/package-lock.json
	@mkdir -p build/grpc-js
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
	  { ! command -v h2load >/dev/null || [ ! -e /usr/include/grpcpp/grpcpp.h ]; }; then \
	  (apt-get install -y -qq --no-install-recommends nghttp2-client libgrpc++-dev pkg-config g++ || { apt-get update -qq && \
	  apt-get install -y -qq --no-install-recommends nghttp2-client libgrpc++-dev pkg-config g++; }) \
	  >build/clients.log 2>&1 || true; fi
	@if command -v npm >/dev/null; then cp tests/interop/grpc-js/*.json build/grpc-js/ && \
	  npm ci --prefix build/grpc-js --ignore-scripts --no-audit --no-fund >>build/clients.log 2>&1 || true; fi
	@touch $@

# A real Prometheus checks what deploy/prometheus has. Of Debian's package only the programs are taken: nothing is started.
build/prometheus-asked:
	@mkdir -p build/prometheus
	@if ! command -v prometheus >/dev/null && command -v apt-get >/dev/null; then (cd build/prometheus && \
	  { apt-get download -qq prometheus || { apt-get update -qq && apt-get download -qq prometheus; }; } && \
	  dpkg-deb --extract prometheus_*.deb . && rm prometheus_*.deb) >build/prometheus.log 2>&1 || true; fi
	@touch $@

build: build/nghttp2-asked .venv/linked ## virtual environment, locked dependencies, contracts, compiled core
	@$(BIN)/python setup.py --quiet build_ext --inplace --parallel 2

run: build ## everything on this machine with a demo programme; stays up until Ctrl-C
	@$(BIN)/altyn up --demo --var $(VAR)

# The comparison with the reference goes first and alone: it takes every processor by itself.
test: build build/chromium-asked build/clients-asked build/prometheus-asked ## the whole suite
	@$(BIN)/python -m pytest tests/parity/test_parity.py
	@$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder tests --ignore tests/parity/test_parity.py

test-fast: build ## unit tests only: no servers
	@$(BIN)/python -m pytest tests/core tests/scenarios tests/reference tests/tidy

demo: build ## load the retail dataset, replay baskets through the gRPC door, verify, stop
	@$(BIN)/altyn demo --json --var "$$(mktemp -d)"

parity-long: build ## the core against the independent oracle, 300 000 receipts
	@$(BIN)/altyn parity --receipts 300000 --seed 1 --json

mutants: build ## plant faults in a copy of the core; the comparison with the oracle must catch all
	@$(BIN)/python -m tests.mutants

bench: build ## benchmarks of core, ledger and front, one after another
	@$(BIN)/altyn bench core --json
	@$(BIN)/altyn bench ledger --json
	@$(BIN)/altyn bench front --json

bench-page: build ## measure the front door and write docs/operations/front.md with its plots
	@$(BIN)/altyn bench page docs/operations

load: build ## a load test of 60 s on this machine, with report and check: see loadtests/README.md
	@$(BIN)/altyn load run --shape peak --seconds 60 --out "$$(mktemp -d)/load" --thresholds loadtests/thresholds.yaml

lint: build ## style of Python and contracts
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/buf lint

types: build ## strict types
	@$(BIN)/mypy

tidy: build ## house rules that a machine can check
	@$(BIN)/python -m pytest tests/tidy

debug: build/nghttp2-asked .venv/linked ## rebuild the core with bounds and overflow checks
	@ALTYN_DEBUG=1 $(BIN)/python setup.py --quiet build_ext --inplace --parallel 2 --force

docs: build ## write generated reference pages anew
	@$(BIN)/python -m altyn.cli.configuration > docs/operations/configuration.md
	@$(BIN)/python -m altyn.cli.rules.page > docs/rules-lint.md

lock: ## write requirements.lock anew (needs uv)
	@uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 \
	  --override requirements.override requirements.in -o requirements.lock

clean: ## remove what builds leave
	@rm -rf build dist *.egg-info .venv core/wire/generated
	@find . -name '*.so' -not -path './.venv/*' -delete
