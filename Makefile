# Every target does its own set-up: a virtual environment in .venv, from the hashed lock, nothing global.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.installed

.PHONY: help demo ui test test-fast lint lock clean
.DEFAULT_GOAL := help

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  make %-10s %s\n", $$1, $$2}'

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 13) else f"found Python {v[0]}.{v[1]}, expected 3.11 to 3.13: make PYTHON=python3.11 ...")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing into .venv (a few minutes the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(READY) ## write sample data, run the readmission product over it and the loop beside it, tell what happened
	@$(BIN)/readiness demo

ui: $(READY) ## Dagster's webserver and daemon on http://127.0.0.1:3000, on the demo's state
	@$(BIN)/readiness ui

test: lint ## lint, types, layers, all tests
	@$(BIN)/python -m pytest -n 3 --no-loadscope-reorder

test-fast: $(READY) ## the tests that take seconds
	@$(BIN)/python -m pytest -m "not slow"

lint: $(READY) ## ruff, mypy, import layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

lock: ## resolve the requirements again, for all supported Pythons
	@$(PYTHON) -m venv .lock-venv && .lock-venv/bin/pip install --quiet uv
	@.lock-venv/bin/uv pip compile --universal --python-version 3.11 --extra dev --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --quiet --output-file requirements.lock pyproject.toml
	@rm -rf .lock-venv

clean: ## remove the environment and the demo's state, sample data too
	@rm -rf .venv .readiness data/landing
