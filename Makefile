# Every target sets up what it needs: a fresh clone, python3 >= 3.11 and a package index are enough.
PYTHON ?= python3
# test processes; each may use two threads
N ?= 2
# extra arguments: make reproduce ARGS="--only F6", make test ARGS="-k opauc"
ARGS ?=

BIN := .venv/bin
STAMP := .venv/.installed

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export MPLBACKEND ?= Agg

.DEFAULT_GOAL := help
.PHONY: help venv reproduce test quick lint check formal bench docs words lock clean

help:
	@echo 'make reproduce   every figure and table made anew in build/reproduce/ and compared with what is committed'
	@echo 'make test        lint, types, and the whole test suite'
	@echo 'make quick       a minute of it: lint, types, the first case of each test of the library'
	@echo 'make check       the ledger: each claim of the paper with its evidence and verdict'
	@echo 'make formal      the machine-checked proofs (installs Coq with apt-get if it is missing)'
	@echo 'make words       README, results pages and CLAIMS.md: their words from the tables anew'
	@echo 'make docs        run the notebooks and store their outputs'
	@echo 'make bench       timings against peers (long; needs the extra "bench")'
	@echo 'make lint        ruff and mypy only'
	@echo 'make venv        only the set-up: .venv from requirements.lock'
	@echo 'make lock        write requirements.lock anew from pyproject.toml'
	@echo 'make clean       remove caches and build products, keep .venv and fetched data'
	@echo
	@echo 'Each target makes .venv by itself the first time. Extra arguments go in ARGS:'
	@echo '  make reproduce ARGS="--only F6"      make test ARGS="-k opauc"'
	@echo 'Local copies of data sets: HNS_DATA_DIR=DIR. After set-up, $(BIN)/hns --help.'

venv: $(STAMP)

# --no-deps: the lock names every package; older versions of pip would look for newer ones beside it and then refuse them.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "hns-opauc needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V 2>/dev/null || echo missing): run make PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { \
	  rm -rf .venv; echo "cannot make a virtual environment: install Python's venv module (Debian: apt-get install python3-venv)"; exit 1; }
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

reproduce: $(STAMP)
	$(BIN)/hns reproduce $(ARGS)

test: lint
	OPENBLAS_NUM_THREADS=1 NUMBA_NUM_THREADS=2 $(BIN)/python -m pytest -n $(N) --dist worksteal $(ARGS)

quick: lint
	OPENBLAS_NUM_THREADS=1 NUMBA_NUM_THREADS=2 $(BIN)/python -m pytest -n $(N) --dist worksteal --quick $(ARGS)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

check: $(STAMP)
	$(BIN)/python -m proofs_check $(ARGS)

formal: $(STAMP)
	@command -v coqc >/dev/null || { \
	  echo 'coqc is missing: installing coq and libcoq-mathcomp-algebra with apt-get (needs root)'; \
	  root=$$(test $$(id -u) = 0 || echo sudo); $$root apt-get update -qq && \
	  $$root apt-get install -y -qq --no-install-recommends coq libcoq-mathcomp-algebra >/dev/null; }
	$(MAKE) -C proofs_check/coq
	HNS_REQUIRE_COQ=1 $(BIN)/python -m pytest tests/coq $(ARGS)

bench: $(STAMP)
	@for script in benchmarks/bench_*.py; do \
	  test -e "$$script" || { echo 'no benchmarks/bench_*.py'; exit 1; }; \
	  echo "== $$script"; $(BIN)/python "$$script" $(ARGS) || exit 1; done

# README.md, docs/results, CLAIMS.md and the records of figures: their words from their tables.
words: $(STAMP)
	$(BIN)/python -m proofs_check.pages $(ARGS)

docs: $(STAMP)
	$(BIN)/jupytext --quiet --to ipynb --update notebooks/*.py
	env -u MPLBACKEND HNS_RESULTS_DIR=$(CURDIR)/results $(BIN)/jupyter-execute --inplace notebooks/*.ipynb

# Needs uv on the path. Host names of the index are kept out of the file.
lock:
	UV_CUSTOM_COMPILE_COMMAND='make lock' uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --fork-strategy fewest \
	  --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --extra parquet --extra dask --extra docs --extra dev --output-file requirements.lock

clean:
	find . -path ./.venv -prune -o -name __pycache__ -type d -print0 | xargs -0 rm -rf
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis htmlcov .coverage build dist *.egg-info
