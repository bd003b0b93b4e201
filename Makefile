PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help demo up down test lint types unit e2e install install-dev lock wheel dashboards collector clean

help: ## this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

demo: install ## the main job: six faults injected, detected, healed and verified; writes demo-report.json
	$(BIN)/aegisops demo

up: install ## the same stack, staying up
	$(BIN)/aegisops up

down: install ## stops a stack that was left running
	$(BIN)/aegisops down

test: lint types unit e2e wheel ## everything CI checks

lint: install-dev ## style, and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: install-dev ## the type checker in strict mode
	$(BIN)/mypy

unit: install-dev ## fast tests, in parallel
	$(BIN)/pytest -m "not e2e and not llm" -n 2 --dist worksteal

STACKS := tests/compose/test_compose_stack.py tests/services tests/stack # longest first

e2e: install-dev ## tests with real processes; those with a whole stack at the end, two stacks at a time
	$(BIN)/pytest -m "e2e and not llm" -n 2 $(STACKS:%=--ignore=%)
	$(BIN)/pytest -m "e2e and not llm" -n 2 --dist loadfile --no-loadscope-reorder $(STACKS)

wheel: install-dev ## builds the wheel and imports every package from a clean environment
	$(BIN)/python tests/wheel/check_wheel.py

dashboards: install-dev ## writes Grafana's dashboards and alert rules anew from the code in grafana/
	$(BIN)/python -m grafana

collector: ## builds the OpenTelemetry Collector with the parts used here (needs Go)
	collector/build.sh

install: $(VENV)/.installed
install-dev: $(VENV)/.installed-dev

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	    || { echo "AegisOps needs Python 3.11 or newer; name one with: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements.lock pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.installed-dev: requirements-dev.lock $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

telemetry-docs: install-dev ## writes the tables of docs/telemetry.md from the code
	$(BIN)/python tests/docs/telemetry_tables.py

lock: ## pins the dependencies anew (needs uv)
	uv pip compile --quiet --no-header --no-annotate --generate-hashes --universal --python-version 3.11 \
	    --extra build pyproject.toml -o requirements.lock
	uv pip compile --quiet --no-header --no-annotate --generate-hashes --universal --python-version 3.11 \
	    --extra build --extra dev pyproject.toml -o requirements-dev.lock
	for room in buggy_app detector responder; do \
	    uv pip compile --quiet --no-header --no-annotate --generate-hashes --universal --python-version 3.11 \
	        --constraints requirements.lock compose/requirements/$$room.in -o compose/requirements/$$room.lock || exit 1; \
	done

clean: ## removes what was built or measured here
	rm -rf $(VENV) .aegisops collector/build dist demo-report.json .mypy_cache .ruff_cache .pytest_cache .hypothesis
