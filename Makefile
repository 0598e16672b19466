# Two commands do all the set-up on a fresh machine (Python 3.11+, make): `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEV := $(VENV)/.dev
ALL := $(VENV)/.all

.PHONY: demo test lint slow env extras clean

env: $(DEV)

extras: $(ALL)  ## what lint and the slow tests need beside: training, the suite's peers, clients of the services

$(READY): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(DEV): $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

$(ALL): $(DEV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,bench,train,redis,postgres,archive]'
	touch $@

demo: $(READY)  ## the main job: a service, two sample calls, the ladder and the alerts (ONCE=1: end after the calls)
	$(BIN)/python -m api demo $(if $(ONCE),--once)

test: $(DEV)  ## the fast tests; no services, no browser, no data needed
	$(BIN)/python -m pytest

lint: $(ALL)
	$(BIN)/ruff check .
	$(BIN)/mypy

slow: $(ALL)  ## slow, browser and service tests; .ci/run installs the browser and the services
	$(BIN)/python -m pytest -m 'slow or service' --ignore tests/browser
	$(BIN)/python -m pytest tests/browser -m 'browser or slow'

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
