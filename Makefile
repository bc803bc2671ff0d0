# Two commands matter: `make demo` and `make test`. Both set up what they need; Python 3.11-3.14 and make are enough.

MEMBERS := contracts chassis services/intake services/matching services/notifications services/reporting geleit
MIGRATIONS = $(shell find chassis services -path '*/sql/*.sql' -not -path '*/node_modules/*')
IS_SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))
PYTHON ?= $(shell for one in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$one" -c '$(IS_SUPPORTED)' 2>/dev/null && { echo "$$one"; break; }; done)
UV := .tools/bin/uv
BIN := .venv/bin
TESTS ?= tests
# Much of a test's time is waiting: two processes share all of them. A part is not worth a second one's start.
LANES = $(if $(filter tests,$(TESTS)),-n auto)
COMPILE = $(UV) pip compile $(LOCK_OPTIONS) --quiet --universal --generate-hashes --no-annotate --no-header \
	--no-emit-index-url --python-version 3.11
OURS := $(foreach name,contracts chassis intake matching notifications reporting,--no-emit-package geleit-$(name)) \
	--no-emit-package geleit

# Only the Python that is there, and no lock file that names a host.
export UV_PYTHON_DOWNLOADS := never
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Without kept bytecode each of seven processes compiles every library at every start: 65 s of
# CPU time a demo instead of 46 s.
export UV_COMPILE_BYTECODE := 1
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help setup demo up down test test-browser test-containers properties chaos bench-handover bench-stream soak check compose-env fmt lock clean
.DEFAULT_GOAL := help

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

demo: setup ## A week of arrivals on a real Kafka and PostgreSQL (ARRIVALS=2000 REGISTER=file PORT=8080 TRACING=1)
	@$(BIN)/geleit demo

up: setup ## Run Geleit until Ctrl-C (PORT=8080 TRACING=1)
	@$(BIN)/geleit up

down: setup ## Stop what runs here, also what a killed run left behind
	@$(BIN)/geleit down

test: setup ## All tests but the two below (TESTS=tests/unit for a part, OPTIONS="--kafka=container --postgres=container")
	@$(BIN)/pytest $(LANES) $(OPTIONS) $(TESTS)

test-browser: setup .venv/browser.stamp ## The pages in Chromium (OPTIONS=--chromium=/path/to/it)
	@$(BIN)/pytest $(OPTIONS) tests/browser

test-containers: setup ## docker-compose.yml in containers; needs a Docker engine
	@$(BIN)/pytest tests/containers $(OPTIONS)

properties: setup ## What holds for every decision, over a million of them (a quarter of an hour)
	@PROPERTY_EXAMPLES=8000 $(BIN)/pytest --quiet --capture=no --timeout=0 tests/unit/test_matching_properties.py

chaos: setup ## Kill, freeze and feed a running system (hours, resumable; MINUTES=5 for a share, CHAOS=--fresh)
	@PYTHONPATH=tests $(BIN)/python -m chaos $(if $(MINUTES),--minutes $(MINUTES)) $(CHAOS)

check: setup ## Style, types, import rules, migrations, translations, schemas, licences
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy contracts chassis services/intake services/matching services/notifications services/reporting geleit tests benchmarks
	$(BIN)/lint-imports
	$(BIN)/squawk $(MIGRATIONS)
	$(BIN)/python -m chassis.web.catalogs check
	$(BIN)/python -m geleit schemas --check
	$(BIN)/reuse lint --quiet

bench-handover: setup ## Plan 10,000 cases that change hands
	@$(BIN)/python benchmarks/handover.py

bench-stream: setup ## Arrivals a second beside a naive way and the limit, latency, a backlog (a quarter of an hour)
	@$(BIN)/python -m benchmarks.stream

soak: setup ## A million households, a hundred thousand at a time, and one more on top (an hour; LOTS=2 ARRIVALS=5000)
	@$(BIN)/python -m benchmarks.soak

compose-env: setup ## Write .env for docker-compose.yml, with random secrets
	@$(BIN)/python -m geleit.compose_env

fmt: setup ## Put the source into its one format
	@$(BIN)/ruff check --fix --quiet .
	@$(BIN)/ruff format --quiet .

lock: setup ## Pin all dependencies anew (LOCK_OPTIONS=--upgrade for newer ones)
	echo uv | $(COMPILE) - -o requirements-tools.lock
	$(COMPILE) $(OURS) $(addsuffix /pyproject.toml,$(MEMBERS)) -o requirements.lock
	$(COMPILE) $(OURS) --no-emit-package geleit-workspace -c requirements.lock pyproject.toml \
		--group embedded --group build --group test --group check -o requirements-dev.lock
	$(COMPILE) -c requirements-dev.lock --group pyproject.toml:build -o requirements-build.lock
	$(COMPILE) -c requirements-dev.lock --group pyproject.toml:browser -o requirements-browser.lock
	$(BIN)/python -m geleit.embedded.relock

clean: ## Stop everything here and remove what can be made again, the state too
	@test ! -x $(BIN)/geleit || $(BIN)/geleit down
	rm -rf .geleit .tools .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache

setup: .venv/members.stamp ## Everything that the other targets need

.tools/uv.stamp: requirements-tools.lock
	@test -n "$(PYTHON)" || { echo "No Python 3.11-3.14 found; name one: make PYTHON=/path/to/python3" >&2; exit 1; }
	@"$(PYTHON)" -c '$(IS_SUPPORTED)' || { \
		echo "$(PYTHON) is not a Python 3.11-3.14; name another: make PYTHON=/path/to/python3" >&2; exit 1; }
	@"$(PYTHON)" -m venv .tools
	@.tools/bin/python -m pip install --quiet --only-binary :all: --require-hashes -r requirements-tools.lock
	@touch $@

.venv/libraries.stamp: requirements-dev.lock .tools/uv.stamp
	@$(UV) venv --quiet --allow-existing --python .tools/bin/python .venv
	@$(UV) pip sync --python $(BIN)/python --require-hashes requirements-dev.lock
	@touch $@

# Fifty megabytes that only one target needs; the browser is the machine's.
.venv/browser.stamp: requirements-browser.lock .venv/libraries.stamp
	@$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements-browser.lock
	@touch $@

# What a build hook reads is in the list: an editable install runs the hooks only once.
.venv/members.stamp: .venv/libraries.stamp $(addsuffix /pyproject.toml,$(MEMBERS)) \
		$(wildcard chassis/hatch_build.py chassis/package-lock.json)
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation $(addprefix -e ,$(MEMBERS))
	@touch $@
