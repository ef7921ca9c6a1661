# One-word commands. Each sets itself up on a machine with Python 3.11 and pip and nothing else.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
# Some machines forbid Python to keep what it compiled: then each of the many processes compiles everything anew.
export PYTHONDONTWRITEBYTECODE :=
# pip compiles one file after the other; this takes all cores. Some packages hold files of other Pythons.
PIP := $(BIN)/pip install -q --disable-pip-version-check --no-compile
COMPILE := $(BIN)/python -m compileall -qq -j 0 .venv/lib app.py runtime bot bitable_sync rules payslip creative sandbox || true
# Most of a scenario is waiting for processes that start, so there are more jobs than cores.
JOBS ?= 4
# A file's tests share what it sets up, so they stay in one process; conftest.py puts long files first.
DIST := --dist loadfile --no-loadscope-reorder
# `make test ORDER=` shuffles the tests.
ORDER ?= -p no:randomly
# `make chaos CHAOS="--seeds 5 --long"`; python -m tests.chaos --help
CHAOS ?=
# `make test-sqlite ONLY=tests/rules` runs a part.
ONLY ?=
# `make advisories SERVICE=osv` asks osv.dev instead of pypi.org.
SERVICE ?= pypi

.PHONY: demo demo-once screenshots browser test test-sqlite test-postgres check fuzz chaos mutate audit advisories bench bench-payday bench-images lock clean

demo: .venv/.run  ## the whole company on this machine; Ctrl-C stops everything it started
	$(BIN)/chorus demo

demo-once: .venv/.run  ## a morning, a pay day and a day of images played without a person; exit code says pass or fail
	$(BIN)/chorus demo --once

test: test-sqlite test-postgres  ## every test: on SQLite, then what touches a database on PostgreSQL

test-sqlite: .venv/.dev node_modules/.installed browser
	$(BIN)/pytest -n $(JOBS) $(DIST) $(ORDER) $(ONLY)

test-postgres: .venv/.dev node_modules/.installed browser
	$(BIN)/pytest -n $(JOBS) $(DIST) $(ORDER) --database postgres $(ONLY)

screenshots: .venv/.dev browser  ## the pictures of docs/TOUR.md, taken from the running demo
	$(BIN)/python -m sandbox.screenshots

browser:  ## a Chromium for tests and pictures, installed where that is allowed
	bash .ci/browser

check: .venv/.dev  ## style, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fuzz: .venv/.dev  ## a million changed inputs at what reads things from outside; half an hour
	$(BIN)/python -m tests.fuzz

chaos: .venv/.dev  ## fifty days full of faults on each database, each judged by a model; `SEED=7 SETTING=postgres` plays one again
	$(BIN)/python -m tests.chaos $(if $(SEED),--seed $(SEED)) $(if $(SETTING),--setting $(SETTING)) $(CHAOS)

mutate: .venv/.dev node_modules/.installed  ## take each guard of docs/INVARIANTS.md out; its test must notice
	$(BIN)/python -m tests.mutations

audit: .venv/.dev  ## credentials in all that was ever committed, packages that are not the locked ones
	$(BIN)/python -m tests.audit

advisories: .venv/.dev  ## known faults of the locked packages; asks an index of advisories, so it needs the network
	$(BIN)/python -m tests.advisories --service $(SERVICE)

bench: .venv/.dev browser  ## ratios against named peers in the same run; writes docs/BENCHMARKS.md
	$(BIN)/python -m benchmarks

bench-payday: .venv/.dev  ## 10,000 people are paid at the platform's limits, with three kill -9; half an hour
	$(BIN)/python -m benchmarks.payday --people 10000 --kills

bench-images: .venv/.dev  ## 100 requests for images are made, with three kill -9; some minutes
	CHORUS_TEST_SHARE=4.17 $(BIN)/pytest -s tests/scenario/test_art_kill.py

lock: .venv/.dev  ## new hashed locks, without index addresses
	$(BIN)/uv pip compile -q --generate-hashes --no-emit-index-url --universal --python-version 3.11 \
		--custom-compile-command "make lock" pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile -q --generate-hashes --no-emit-index-url --universal --python-version 3.11 --extra dev \
		--constraints requirements.lock --custom-compile-command "make lock" pyproject.toml -o requirements-dev.lock

clean:
	rm -rf .venv node_modules var build *.egg-info

.venv/bin/python:
	@echo "Setting up .venv with $(PYTHON) (once) …"
	$(PYTHON) -m venv .venv

.venv/.run: .venv/bin/python requirements.lock pyproject.toml
	@echo "Installing what Chorus needs (once) …"
	$(PIP) --require-hashes -r requirements.lock
	$(COMPILE)
	$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

.venv/.dev: .venv/bin/python requirements-dev.lock pyproject.toml
	@echo "Installing what Chorus and its tests need (once) …"
	$(PIP) --require-hashes -r requirements-dev.lock
	$(COMPILE)
	$(PIP) --no-deps --no-build-isolation -e .
	@touch $@ .venv/.run

node_modules/.installed: package.json package-lock.json .venv/.dev
	@echo "Installing the official request schemas (once) …"
	PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@
