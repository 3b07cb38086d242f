# demo, test, check and bench: each makes its own environment from the lock file first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PACKAGES := estate rules drivers daemon simulators tests

.PHONY: demo test check bench lock clean

demo: $(VENV)/runtime.done
	@$(BIN)/estated demo

test: $(VENV)/dev.done
	@$(BIN)/python -m pytest -n 2 --dist loadfile

check: $(VENV)/dev.done node_modules/.package-lock.json
	$(BIN)/ruff check $(PACKAGES)
	$(BIN)/ruff format --check $(PACKAGES)
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	node_modules/.bin/tsc -p daemon/web/console/jsconfig.json
	$(BIN)/estated check examples/riverside

bench: $(VENV)/dev.done
	@$(BIN)/estated bench

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/runtime.done: requirements.lock pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps -e .
	@touch $@

$(VENV)/dev.done: requirements-dev.lock pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps -e .
	@touch $@ $(VENV)/runtime.done

node_modules/.package-lock.json: package-lock.json
	npm ci --no-audit --no-fund --silent

lock: $(VENV)/bin/python
	$(BIN)/python -m pip install -q pip-tools
	$(BIN)/pip-compile -q --extra dev --extra demo --generate-hashes --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --strip-extras -o requirements-dev.lock pyproject.toml
	$(BIN)/pip-compile -q --extra demo --generate-hashes --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --strip-extras -c requirements-dev.lock -o requirements.lock pyproject.toml

clean:
	rm -rf $(VENV) node_modules build dist
