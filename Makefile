# Everything a newcomer needs: make demo, make sandbox, make test, make check, make bench.
# Only Python >= 3.11 with pip, and make, have to be there; .venv is made here and kept.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PYTHON) -m pip --disable-pip-version-check --python $(PY)
# Another build of torch: make demo TORCH_INDEX=https://download.pytorch.org/whl/cpu
# (before the first install, or after make clean)
TORCH_INDEX ?=
# A stand-in for a hosted provider renders instead: make demo PROVIDER=novita, or modelslab
PROVIDER ?=
HOSTED := $(subst novita,NOVITA,$(subst modelslab,MODELSLAB,$(PROVIDER)))
FAKE_KEY := made-up-key
PROCESSES ?= 2

INSTALLED := $(VENV)/.installed
INSTALLED_DEV := $(VENV)/.installed-dev
CODE := bot cogs jobs providers storage training tests benchmarks

# An environment whose Python has gone is made again.
$(shell [ ! -d $(VENV) ] || $(PY) -c '' 2>/dev/null || rm -rf $(VENV))

.PHONY: help demo sandbox test test-fast check format bench bench-gpu clean
.DEFAULT_GOAL := help

help:  ## show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

demo: $(INSTALLED)  ## one /video from the slash command to the posted MP4; no account, no GPU
ifeq ($(PROVIDER),)
	@$(PY) -m bot demo
else
	@$(if $(filter modelslab novita,$(PROVIDER)),,$(error PROVIDER is modelslab or novita))\
	pipe=$$(mktemp -u) && mkfifo -m 600 "$$pipe" || exit 1; \
	$(PY) -m tests.fakes.$(PROVIDER) --port 0 --key $(FAKE_KEY) --as-asked > "$$pipe" & fake=$$!; \
	trap 'kill $$fake 2>/dev/null && wait $$fake' EXIT; trap 'exit 130' INT TERM; \
	exec 3< "$$pipe"; rm "$$pipe"; read -r url <&3 && \
	$(HOSTED)_API_KEY=$(FAKE_KEY) $(HOSTED)_BASE_URL="$$url" $(PY) -m bot demo --provider $(PROVIDER)
endif

sandbox: $(INSTALLED)  ## a chat page in the browser with the real bot in it
	@$(PY) -m bot sandbox

test: $(INSTALLED_DEV)  ## the whole suite, with branch coverage
	$(PY) -m coverage erase
	$(PY) -m coverage run -m pytest -n $(PROCESSES) --dist worksteal
	$(PY) -m coverage combine --quiet
	$(PY) -m coverage report

test-fast: $(INSTALLED_DEV)  ## without the slow tests
	$(PY) -m pytest -n $(PROCESSES) --dist worksteal -m "not slow and not gpu"

check: $(INSTALLED_DEV)  ## format, lint, imports, types: the cheap ones first
	$(PY) -m ruff format --check $(CODE)
	$(PY) -m ruff check $(CODE)
	$(VENV)/bin/lint-imports
	$(VENV)/bin/basedpyright

format: $(INSTALLED_DEV)  ## put the code into shape
	$(PY) -m ruff format $(CODE)
	$(PY) -m ruff check --fix $(CODE)

bench: $(INSTALLED_DEV)  ## measure, and print a table
	$(PY) -m benchmarks

bench-gpu: $(INSTALLED_DEV)  ## the local engine on a GPU, beside stock diffusers
	$(PY) -m benchmarks.gpu

clean:  ## remove what was made here; data/ stays
	rm -rf $(VENV) build dist .pytest_cache .ruff_cache .hypothesis htmlcov .coverage .coverage.*
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +

# Debian's python3 comes without ensurepip, so pip works on the environment from outside.
$(PY):
	$(PYTHON) -m venv --without-pip $(VENV)

$(INSTALLED): pyproject.toml constraints.txt | $(PY)
ifneq ($(TORCH_INDEX),)
	$(PIP) install --quiet --constraint constraints.txt --no-deps --index-url $(TORCH_INDEX) torch
endif
	$(PIP) install --quiet --constraint constraints.txt --editable '.[local,sandbox,plots]'
	@touch $@

$(INSTALLED_DEV): $(INSTALLED)
	$(PIP) install --quiet --constraint constraints.txt --editable '.[local,sandbox,dev]'
	@touch $@
