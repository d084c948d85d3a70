# reproduce: the paper at small scale into results/.  test: all checks.  Both set up what they need.
PYTHON ?= python3.11
VENV := .venv
# Rules call `python`; the environment's comes first.
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
CONFIG ?= config.yaml
REPORT := snakemake --report results/report.html --report-stylesheet workflow/report/style.css

.PHONY: help reproduce report reference status test bench setup setup-dev containerize clean

help:
	@echo "make reproduce     set up, then rebuild figures and tables into results/ (no GPU, no downloads of data)"
	@echo "make report        results/report.html from what was made: opens offline"
	@echo "make status        what is done, running, failed; time left (CONFIG=paper.yaml: of that one)"
	@echo "make reference     keep the run in results/ as the one that the README shows"
	@echo "make test          set up, then lint and test"
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

test: setup-dev
	ruff check .
	ruff format --check .
	snakefmt --check Snakefile workflow
	snakemake --lint
	pytest -n auto --dist worksteal -m "not rig"
	pytest -m "rig and not slow"

# Times want a quiet machine; docs/performance.md holds a run of it.
bench: setup
	python -m pip install --quiet --disable-pip-version-check -r benchmarks/requirements.txt -c constraints.txt
	python benchmarks/run.py

setup: $(VENV)/.installed
setup-dev: $(VENV)/.installed-dev

$(VENV)/.installed: requirements.txt constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
	  { echo "error: Python 3.11 is needed: install it, or name it with make PYTHON=/path/to/python3.11"; exit 1; }
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
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
