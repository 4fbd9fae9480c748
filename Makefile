# Every target does its own set-up: a .venv pinned by constraints.txt. Only Python 3.11+ is needed.
PYTHON ?= python3
BIN := .venv/bin
DATASETS ?= credit_status,concrete
METHODS ?= lightgbm, moe_boosting, matched_ensemble, moe_constant
PYTEST_ARGS ?= -n auto

.DEFAULT_GOAL := help
.PHONY: run test gpu lab docs lint clean help

run: .venv/.installed ## compare mixtures with stacking on real tables, 3 minutes; DATASETS=name,name
	$(BIN)/moe-lab run 01_compare -p dataset $(DATASETS) -p folds 3 -p methods "$(METHODS)"
	$(BIN)/moe-lab report 01_compare

test: lint ## lint, then all tests: doctests, notebooks, browser; PYTEST_ARGS="-k name"
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(PYTEST_ARGS)

gpu: .venv/.installed ## on a CUDA device: the tests that need one, then the sparse layer's benchmark
	@$(BIN)/python -c 'import sys; from moe_lab.device import cuda_device_count; \
		sys.exit(not cuda_device_count() and "make gpu must have a CUDA device that torch can use," \
		" got none. Install its driver and a torch built for it (pytorch.org), or run make test.")'
	$(BIN)/python -m pytest -m cuda
	$(BIN)/python -m moe_lab.studies.sparse_speed --device cuda
	$(BIN)/python -m moe_lab.studies.sparse_speed --device cuda --dtype bfloat16

lab: .venv/.installed ## open JupyterLab on notebooks/
	$(BIN)/moe-lab open

docs: .venv/.installed ## build site/ of README, course and docstrings; runs each notebook once
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	$(BIN)/python -m moe_lab.cli.site site

lint: .venv/.installed ## check style, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean: ## remove .venv and caches; results/ stays
	rm -rf .venv build dist site *.egg-info .pytest_cache .ruff_cache
	find moe_lab registry tests -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-6s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "moe_lab needs Python 3.11 or newer, got $(PYTHON): $$($(PYTHON) --version 2>&1);" \
			"name another one: make PYTHON=/path/to/python3.11 ..." >&2; exit 1; }
	@echo "Setting up .venv, about two minutes the first time"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		-c constraints.txt -e '.[datasets,test]'
	@touch $@
