# `make` alone lists the targets.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
RUN    := $(VENV)/.run
TEST   := $(VENV)/.test

.PHONY: help run test lint types docs trial conformance openapi fuzz simulate defects faults slow storm bench clean

help:  ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 24

run: $(RUN)  ## all roles in one process: WebSocket on 4236, HTTP on 4237
	$(BIN)/twistd -n tpush

test: lint types docs trial  ## everything that CI runs

lint: $(TEST)  ## style, and which part may import which
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(TEST)  ## mypy, strict
	$(BIN)/mypy

docs: $(TEST)  ## into docs/_build
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs docs/_build

trial: $(TEST)  ## all tests, with a last line of "N passed, N failed"
	$(BIN)/python tests/run.py

conformance: $(TEST)  ## the Autobahn TestSuite; SUITE is its command, where it is not found
	$(if $(SUITE),TPUSH_SUITE=$(SUITE)) $(BIN)/python tests/run.py tests.integration.test_conformance

openapi: $(TEST)  ## requests of all kinds as the API's description has them, drawn anew: some five minutes
	TPUSH_TEST_EXAMPLES=$(or $(EXAMPLES),300) $(BIN)/python -m twisted.trial tests.integration.test_openapi

fuzz: $(TEST)  ## the property tests with fifty times as many cases, drawn anew
	for part in channel publisher pusher; do \
	  TPUSH_FUZZ=50 $(BIN)/python -m twisted.trial tests.$$part || exit 1; done

simulate: $(TEST)  ## the whole cluster in memory, under 10,000 schedules: some eight minutes
	$(BIN)/python -m tests.simulation --schedules $(or $(SCHEDULES),10000) --first $(or $(SEED),0)

defects: $(TEST)  ## defects put in on purpose, each found by the simulation: about a minute
	$(BIN)/python -m tests.simulation --defects

faults: $(TEST)  ## faults of every kind under load, SEED=1 by default: some five minutes
	TPUSH_TEST_FAULTS=40 TPUSH_TEST_RECOVERY=5 TPUSH_TEST_SEED=$(or $(SEED),1) \
	  $(BIN)/python -m twisted.trial tests.integration.test_faults

slow: $(TEST)  ## clients that read nothing, for each policy: some ten minutes
	TPUSH_TEST_SLOW=1000 TPUSH_TEST_SECONDS=60 \
	  TPUSH_TEST_POLICIES="disconnect drop-newest drop-oldest keep-latest" \
	  $(BIN)/python -m twisted.trial tests.integration.test_slow

storm: $(TEST)  ## a worker with 10,000 clients is killed, and they all come back at once
	TPUSH_TEST_STORM=10000 $(BIN)/python -m twisted.trial tests.integration.test_storm

bench: $(RUN)  ## what a delivery costs on this machine
	$(BIN)/python bench/fanout.py
	$(BIN)/python bench/batch.py

clean:  ## remove what the targets made
	rm -rf $(VENV) build dist docs/_build _trial_temp* *.egg-info

$(RUN): setup.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	  || { echo "tpush needs Python 3.11 or newer; make PYTHON=/path/to/python3.11 run" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
	  || { echo "Python's venv module is missing (Debian: apt-get install python3-venv)" >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(TEST): $(RUN)
	$(BIN)/python -m pip install --quiet --editable .[test]
	@touch $@
