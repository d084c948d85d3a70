# reproduce: the paper at small scale into results/.  test: all checks.  Both set up what they need.
# PYTHON=... makes the environment with that one; by default it is the newest that fits.
VENV := .venv
# The environment's commands come first.
SYSTEM_PATH := $(PATH)
export PATH := $(abspath $(VENV))/bin:$(SYSTEM_PATH)
CONFIG ?= config.yaml
REPORT := snakemake --report results/report.html --report-stylesheet workflow/report/style.css

.PHONY: help reproduce report reference status test lint test-all test-pythons test-python \
	mutants bench setup setup-dev containerize clean

help:
	@echo "make reproduce     set up, then rebuild figures and tables into results/ (no GPU, no downloads of data)"
	@echo "make report        results/report.html from what was made: opens offline"
	@echo "make status        what is done, running, failed; time left (CONFIG=paper.yaml: of that one)"
	@echo "make reference     keep the run in results/ as the one that the README shows"
	@echo "make test          set up, then lint and test"
	@echo "make test-pythons  unit tests and a small run on every other Python here (5 GB each, into $(VENV)-*/)"
	@echo "make mutants       what small faults in the library the unit tests do not notice (MODULES='theory training/*')"
	@echo "make bench         compare with other packages, into results/bench/ (over an hour, a quiet machine)"
	@echo "make setup         only the environment, into $(VENV)/"
	@echo "make containerize  write the container recipes in containers/ anew, from envs/"
	@echo "make clean         remove results (keeps the environment and prepared data)"

reproduce: setup
	snakemake --cores all
	$(REPORT)

# One file that opens anywhere: figures, tables, captions, and the graph of the workflow.
report: setup
	$(REPORT) --configfile $(CONFIG)

# After `make reproduce`: its tables, manifest and picture become those of docs/ and the README.
reference: setup
	python workflow/scripts/update_reference.py

# Reads files alone: it needs no lock, and works from any machine that sees the folder.
status: setup
	@python workflow/scripts/show_status.py --configfile $(CONFIG)

# Each part runs also where one before it failed; the last line says which.
CHECKS := lint test-all
test: setup-dev
	@failed=""; \
	for check in $(CHECKS); do $(MAKE) --no-print-directory $$check || failed="$$failed $$check"; done; \
	test -z "$$failed" || { echo "error: failed:$$failed" >&2; exit 1; }

lint: setup-dev
	@$(MAKE) --no-print-directory --keep-going $(LINTERS:%=lint-%)
LINTERS := ruff format snakefmt snakemake
lint-ruff:
	ruff check .
lint-format:
	ruff format --check .
lint-snakefmt:
	snakefmt --check Snakefile workflow
lint-snakemake:
	snakemake --lint

# What may not run at once, and what comes first: tests/conftest.py.
PYTEST := pytest -n auto --dist loadfile --no-loadscope-reorder --continue-on-collection-errors
test-all: setup-dev
	$(PYTEST) -m "not (rig and slow)"

# `make test` tests one Python. The environments of the others stay for the next time.
test-pythons:
	@failed=""; own=$$($(VENV)/bin/python -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2> /dev/null); \
	for python in $$(PATH="$(SYSTEM_PATH)" envs/choose-python --all); do \
	  version=$$("$$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
	  test "$$version" != "$$own" || continue; \
	  echo "Python $$version: $$python"; \
	  $(MAKE) --no-print-directory VENV=$(VENV)-$$version PYTHON="$$python" test-python || failed="$$failed $$version"; \
	done; \
	test -z "$$failed" || { echo "error: failed on Python$$failed" >&2; exit 1; }

test-python: setup-dev
	$(PYTEST) tests/unit tests/workflow/test_smoke.py

# Faults in a copy of the library, one at a time; what was tried is kept in results/mutants/.
MODULES ?=
SAMPLE ?= 40
JOBS ?= 1
mutants: setup-dev
	@python tests/mutants/run.py --sample $(SAMPLE) --jobs $(JOBS) $(foreach module,$(MODULES),'$(module)')

# Times want a quiet machine; docs/performance.md holds a run of it.
bench: setup
	python -m pip install --quiet --disable-pip-version-check -r benchmarks/requirements.txt -c constraints.txt
	python benchmarks/run.py

setup: $(VENV)/.installed
setup-dev: $(VENV)/.installed-dev

# An environment that works is kept, whatever Python it has. One that was moved, or whose Python is
# gone, is made anew.
ifeq ($(shell $(VENV)/bin/pip --version 2> /dev/null),)
.PHONY: $(VENV)/.installed
endif

$(VENV)/.installed: requirements.txt constraints.txt
	@$(VENV)/bin/pip --version > /dev/null 2>&1 || { \
	  export PATH="$(SYSTEM_PATH)"; \
	  python=$$(envs/choose-python $(if $(PYTHON),"$(PYTHON)")) && \
	  echo "$$("$$python" -V) goes into $(VENV)" && "$$python" -m venv --clear $(VENV); }
	python -m pip install --quiet --disable-pip-version-check -r requirements.txt -c constraints.txt
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.txt constraints.txt
	python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt -c constraints.txt
	touch $@

# Needs conda on PATH, no Docker and no Apptainer: docs/environments.md.
containerize: setup
	snakemake --containerize > containers/Dockerfile
	snakemake --containerize apptainer > containers/apptainer.def

clean:
	find results -mindepth 1 -maxdepth 1 ! -name README.md -exec rm -rf {} +
