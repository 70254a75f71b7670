# SPDX-License-Identifier: Apache-2.0
# make demo      a spec to Verilog, a network through it in simulation (base install)
# make fpga      what bitstreams need: nextpnr and packers (0.6 GB)
# make test      the test suite (test install)
# make evidence  every stated goal: required, reached, pass (slow)

PYTHON ?= python3
VENV ?= .venv
NETWORKS ?=
PDK ?=
JOBS ?= 2

BASE := $(VENV)/.base-installed
FPGA := $(VENV)/.fpga-installed
TEST := $(VENV)/.test-installed
BIN := $(VENV)/bin
SHARED := $(if $(NETWORKS),--networks $(NETWORKS)) $(if $(PDK),--pdk $(PDK))

.PHONY: demo fpga test evidence lint tools clean

demo: tools $(BASE)
	$(BIN)/python -m systolith.verif.demo

fpga: tools $(FPGA)

test: tools $(TEST)
	$(BIN)/python -m pytest tests -n $(JOBS) --dist loadgroup $(SHARED) $(PYTEST_ARGS)

evidence: tools $(TEST)
	$(BIN)/python -m tests.evidence $(SHARED)

lint: $(TEST)
	$(BIN)/ruff check .

tools:
	@for tool in g++ make perl $(PYTHON); do \
	  command -v $$tool >/dev/null 2>&1 || { \
	    echo "$$tool is not installed: install the package $$tool (Debian: apt-get install $$tool)"; \
	    exit 2; }; \
	done
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python must be 3.11 or newer: set PYTHON=/path/to/python3"; exit 2; }

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(BASE): requirements.lock pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(FPGA): requirements-fpga.lock $(BASE)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-fpga.lock
	@touch $@

$(TEST): requirements-test.lock $(FPGA)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-test.lock
	@touch $@

clean:
	rm -rf build $(VENV) *.egg-info
