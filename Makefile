# Every way to work here is one target; `make help` lists them. `make run` and `make test` each work as the
# first command on a machine with git, make and python3-venv: what is missing they bring.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory

# npm may come from .venv, where the machine has none.
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# Another project's environment must not leak into ours.
unexport PYTHONPATH VIRTUAL_ENV

# Tests mostly wait for loopback, so they run wider than the cores.
TEST_WORKERS ?= 3

GRAPHIQL := src/esim_graph/server/graphiql
# What an installation depends on; the Python files themselves are read where they lie.
INSTALL := scripts/install pyproject.toml hatch_build.py $(GRAPHIQL)/assets.json .tools/.uv
SOURCES := $(shell find src -type f -not -path '*/__pycache__/*' -not -path '$(GRAPHIQL)/assets/*')
LINTER := lint/node_modules/.installed
CHECKS := check-format check-lint check-types check-imports check-scripts check-schema check-graph

.PHONY: help run test check bench soak schema format lock dist clean $(CHECKS)

help:  ## this list
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/\1\t\2/p' $(MAKEFILE_LIST) | while IFS=$$'\t' read -r target does; do \
	    printf '  make %-8s %s\n' "$$target" "$$does"; done

run: .venv/.run  ## install, then run the gateway on 127.0.0.1:8000 against the sandbox vendors
	@exec .venv/bin/esim-graph demo $(ARGS)

test: .venv/.dev $(LINTER)  ## install everything tests need, then run every check and test
	@scripts/bring-programs
	@$(MAKE) check
	@$(MAKE) dist/.tried
	@echo '== Tests, with SQLite'
	@.venv/bin/pytest --numprocesses=$(TEST_WORKERS) $(ARGS)
	@echo '== Tests that touch a database, with PostgreSQL'
	@.venv/bin/pytest --numprocesses=$(TEST_WORKERS) --database=postgresql $(ARGS) || (($$? == 5))  # 5: no test

check: .venv/.dev $(LINTER)  ## lint, types, import contracts, the schema file and the graph's own lint
	@$(MAKE) --jobs=2 --keep-going --output-sync=target $(CHECKS)

bench: .venv/.dev  ## measure what a request costs on this machine
	@.venv/bin/python bench/run.py $(ARGS)
	@.venv/bin/python bench/journal.py

soak: .venv/.dev  ## show at length what tests show briefly: 200 kills, 1,000 resumed operations, all on PostgreSQL
	@scripts/bring-programs
	@echo '== Every test that opens a database, with PostgreSQL'
	@.venv/bin/pytest --numprocesses=$(TEST_WORKERS) --database=postgresql --whole
	@echo '== The scenarios at length'
	@.venv/bin/pytest tests/scenarios --soak $(ARGS)

schema: .venv/.dev  ## write schema.graphql anew from the code
	@.venv/bin/esim-graph schema > schema.graphql.new
	@mv schema.graphql.new schema.graphql

format: .venv/.dev  ## put the code in the form that `make check` wants
	@.venv/bin/ruff check --fix --exit-zero --quiet .
	@.venv/bin/ruff format .

lock: .tools/.uv  ## renew the pinned requirements after a change of pyproject.toml
	@scripts/lock

dist: dist/.built  ## build the sdist, and the wheel from it, into dist/

clean:  ## remove everything that the other targets made
	rm -rf .venv .tools dist lint/node_modules lint/schema.graphql $(GRAPHIQL)/assets schema.graphql.new
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find src tests scripts -name __pycache__ -type d -prune -exec rm -rf {} +

# The checks, side by side; each prints its name, and one that fails does not hide the others.

check-format: .venv/.dev
	@echo '== Format' && .venv/bin/ruff format --check --quiet --diff .

check-lint: .venv/.dev
	@echo '== Lint' && .venv/bin/ruff check --quiet .

check-types: .venv/.dev
	@echo '== Types' && .venv/bin/mypy -p esim_graph && .venv/bin/mypy hatch_build.py scripts/*.py bench/*.py && .venv/bin/mypy --config-file tests/mypy.ini tests

check-imports: .venv/.dev
	@echo '== Import contracts' && .venv/bin/lint-imports --no-logo

check-scripts:
	@echo '== Shell scripts' && for script in scripts/* lint/run .ci/run; do \
	    if head -n 1 "$$script" | grep -q bash; then bash -n "$$script"; fi; done

check-schema: .venv/.dev
	@echo '== schema.graphql is what the code says (else: make schema)' && \
	    diff -u schema.graphql <(.venv/bin/esim-graph schema)

check-graph: $(LINTER)
	@echo '== Graph lint' && lint/run

# What the targets stand on.

.tools/.uv: requirements/uv.txt scripts/bring-uv
	@scripts/bring-uv
	@touch $@

.venv/.run: requirements/run.txt requirements/node.txt $(INSTALL)
	@scripts/install run
	@touch $@

.venv/.dev: requirements/dev.txt requirements/node.txt $(INSTALL)
	@scripts/install dev
	@touch $@ .venv/.run

$(LINTER): lint/package.json lint/package-lock.json .venv/.dev
	@echo '== Installing the graph linters (about ten seconds)'
	@cd lint && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

# From the sdist and not from this folder, so that a file missing there is noticed.
dist/.built: $(SOURCES) README.md CHANGELOG.md LICENSE schema.graphql .venv/.dev
	@echo '== Building the sdist, and the wheel from it'
	@rm -rf dist
	@.tools/bin/uv build --quiet --no-build-isolation --python .venv/bin/python --out-dir dist
	@touch $@

dist/.tried: dist/.built scripts/try_wheel.py
	@echo '== The wheel, alone in an empty directory'
	@.venv/bin/python scripts/try_wheel.py
	@touch $@
