# `make demo` and `make test` are the two commands of the README; `make help` lists the rest.
PYTHON3 ?= python3
VENV ?= .venv
PYTHON := $(VENV)/bin/python
OPTIONS ?=
TESTS ?= tests
UV ?= uv
UVX ?= uvx
# A worker that crashes ends the run: with another one in its place, --dist loadfile waits for ever.
PYTEST := -m pytest -n auto --max-worker-restart 0
PIP := -m pip install --quiet --disable-pip-version-check

.PHONY: help demo results test test-fast coverage lint benchmark faults lock audit clean

help:  ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 14

demo: $(VENV)/.installed  ## train a small EDSR x2 on embedded data, evaluate it, draw a picture; the last line says where
	$(PYTHON) train.py experiment=demo overwrite=true $(OPTIONS)

results: $(VENV)/.installed  ## measure all networks that come with srlab; results/leaderboard/index.html is the page
	$(PYTHON) -m srlab leaderboard $(OPTIONS)

test: $(VENV)/.installed  ## run the whole test suite (TESTS=tests/data for a part)
	$(PYTHON) $(PYTEST) --dist loadfile --no-loadscope-reorder $(TESTS)

test-fast: $(VENV)/.installed  ## the quick tests of the packages with changes since HEAD (BASE=main: since main), under two minutes
	$(PYTHON) $(PYTEST) --dist worksteal -m "not slow" $$($(PYTHON) tools/changed_tests.py $(BASE))

# Programs run in folders of their own, and their measurements must not lie in these.
coverage: export COVERAGE_FILE := $(CURDIR)/.coverage
coverage: $(VENV)/.installed  ## run the whole suite and list the lines that no test reaches (slow before Python 3.12: COVERAGE_CORE=sysmon there)
	$(PYTHON) $(PYTEST) --dist loadfile --no-loadscope-reorder --cov --cov-report= $(TESTS)
	$(PYTHON) -m coverage combine --quiet --append || true  # of programs that ended after the tests
	$(PYTHON) -m coverage report

lint: $(VENV)/.installed  ## check style and types
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(VENV)/bin/typos
	$(PYTHON) -m mypy

lock:  ## write constraints.txt anew from requirements.txt; needs uv (pip install uv)
	$(UV) pip compile requirements.txt --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-emit-package srlab --no-annotate --custom-compile-command "make lock" --output-file constraints.txt

audit:  ## look for known vulnerabilities in constraints.txt; needs uv and the network
	$(UVX) pip-audit --requirement constraints.txt --no-deps --disable-pip

benchmark: $(VENV)/.installed  ## measure the loader and a training step on this machine
	$(PYTHON) benchmarks/loader.py
	$(PYTHON) benchmarks/train_step.py

faults: $(VENV)/.installed  ## break srlab in every way that docs/reliability.md tells of, for hours (OPTIONS="--share 0.1" for less)
	$(PYTHON) tools/faults.py $(OPTIONS)

clean:  ## remove the virtual environment and caches; runs stay
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache

# The stamp is newer than what it was made from: a changed requirement installs again.
# First the locked set with its hashes, then srlab itself: pip checks no hashes of an editable project.
$(VENV)/.installed: constraints.txt pyproject.toml
	@$(PYTHON3) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "srlab needs Python 3.11 or later; say which: make PYTHON3=python3.12"; exit 1; }
	@$(PYTHON3) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "Python's venv is missing here. On Debian or Ubuntu: apt install python3-venv"; exit 1; }
	@echo "Installing into $(VENV): about 6 GB, since PyTorch brings its CUDA libraries."
	$(PYTHON3) -m venv $(VENV)
	$(PYTHON) $(PIP) --require-hashes -r constraints.txt
	$(PYTHON) $(PIP) --no-build-isolation --no-deps -e .
	@touch $@
