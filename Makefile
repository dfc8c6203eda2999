# `make help` lists the commands. The machine needs only Python 3.11 or newer, make and git.

SHELL := /bin/sh
.DEFAULT_GOAL := help
VENV := .venv/bin
# Tests start some hundred processes: compiling the code in each of them would take minutes.
unexport PYTHONDONTWRITEBYTECODE

# The first Python that is new enough and can make virtual environments; `make PYTHON=... run` chooses another one. The
# system's own comes first: distributions optimize it with profiles, pyenv does not, and the product is 1.2 times slower.
PYTHON ?= $(shell for python in /usr/bin/python3 python3.11 python3.12 python3.13 python3.14 python3; do \
	$$python -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
SETUP = $(if $(PYTHON),$(PYTHON),python3) config/local/setup.py

# Parallel tests, in a new random order each time: one more than there are cores, because browsers and other processes are
# waited for a third of the time.
JOBS ?= $(shell $(or $(PYTHON),python3) -c 'import os; print(min(4, (os.cpu_count() or 1) + 1))')

.PHONY: help run reset test test-all coverage lint format lock demo sweep fuzz attack bench bench-papers bench-pages bench-upkeep seed setup setup-test manage

help:  ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: setup  ## start the whole product with demonstration data; Ctrl-C stops it
	@exec $(VENV)/python -m config.local.run

reset: setup  ## delete all data of `make run`
	@$(VENV)/python -m config.local.reset

test: setup-test  ## run the suite on throw-away data stores; ARGS="-k name" or ARGS="-m papers" narrows it, ARGS="-p randomly --randomly-seed=123" repeats an order
	@exec $(VENV)/python -m pytest --numprocesses=$(JOBS) --dist=loadfile --no-loadscope-reorder --durations=10 $(ARGS)

test-all: setup-test  ## run the suite and the long forms of its tests (other widths, hundreds of examples)
	@exec $(VENV)/python -m pytest --numprocesses=$(JOBS) --dist=loadfile --no-loadscope-reorder --durations=10 --long $(ARGS)

coverage: setup-test  ## run the suite and measure which branches of the product it takes; fails under 95 %
	@mkdir -p var; exec $(VENV)/python -m pytest --numprocesses=$(JOBS) --dist=loadfile --no-loadscope-reorder --cov --cov-report=term $(ARGS)

lint: setup  ## ruff, mypy, import-linter, bandit, secrets, migrations, OpenAPI description
	@exec $(VENV)/python -m config.local.lint

demo: setup-test  ## run the main workflow over HTTP; papers are left in var/demo
	@exec $(VENV)/python -m tests.journeys.demo $(ARGS)

sweep: setup-test  ## look for planted secrets in all that the running product shows, sends, stores and logs; fails on a leak
	@exec $(VENV)/python -m tests.sweep

fuzz: setup-test  ## send 20,000 generated requests, as each role, to all operations of the API; ARGS="--cases 2000" sends fewer
	@exec $(VENV)/python -m tests.fuzz $(ARGS)

attack: setup-test  ## attack a throw-away product: guessing, hostile files, card testing; fails if one succeeds
	@exec $(VENV)/python -m tests.attacks $(ARGS)

bench: setup-test  ## measure the figures in README.md
	@exec $(VENV)/python -m pytest tests/benchmarks --benchmarks -s $(ARGS)

bench-papers: setup-test  ## compare papers with other engines, up to 50,000 lines; takes half an hour
	@exec $(VENV)/python -m tests.benchmarks.papers --growth $(ARGS)

seed: setup-test  ## fill a database with gifts and all that belongs to them, for bench-pages; ARGS="--gifts 1000000"
	@exec $(VENV)/python -m tests.benchmarks.seed $(ARGS)

bench-pages: setup-test  ## measure every list, filter, ordering, search and page with 10,000 and 1,000,000 gifts; fails if one is slow
	@exec $(VENV)/python -m tests.benchmarks.pages $(ARGS)

bench-upkeep: setup-test  ## measure the hourly and nightly work, and /metrics, in the large database; fails if it is slow or needs much memory
	@exec $(VENV)/python -m tests.benchmarks.upkeep $(ARGS)

manage: setup  ## run a management command on the running product: make manage ARGS="shell"
	@exec $(VENV)/python -m config.local.manage $(ARGS)

format: setup  ## format the code and apply ruff's fixes
	@$(VENV)/ruff check --fix --quiet .; $(VENV)/ruff format --quiet .

lock: setup  ## turn pyproject.toml into the hashed lock files
	@$(VENV)/python -m config.local.lock $(ARGS)

# Set-up prints to stderr, so that KEY=$$(make -s manage ARGS="make_key ...") holds only the key.
setup:
	@$(SETUP) >&2

setup-test:
	@$(SETUP) --for test >&2
