# Two commands for a newcomer: `make report`, `make test`. `make` alone lists all.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help report test test-all mutate lab dashboard catalogue refresh check bench bench-ledger bench-import bench-analysis bench-site bench-cache bench-workbook bench-dashboard clean

PYTHON ?= python3
YEAR   ?= 2025
MONTH  ?= 9
VENV   ?= .venv
FEWER  ?= 10
BIN    := $(VENV)/bin
# The cells of a notebook follow each other, so that each is one worker's. Not of `test-all`, which makes each notebook
# anew and compares all its bytes (tests/report/test_notebooks.py).
TEST_NOTEBOOKS = $(FIXTURE) $(BIN)/python -m pytest -q --nbval --nbval-current-env --nbval-cell-timeout 60 -n auto --dist loadscope notebooks
# Without nbval where no notebook is compared: to import it takes each worker as long as hundreds of tests.
PARALLEL := -p no:nbval -n auto --dist loadscope --no-loadscope-reorder
FIXTURE := FLEXLIB_LANG=en FLEXLIB_DATA='$(CURDIR)/tests/data/fixture' WINDSURF_SERVICE_KEY= SERVICE_KEY=

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

report: $(VENV)/report ## a month's reports: made-up data, or yours once WINDSURF_SERVICE_KEY is set (YEAR=2025 MONTH=9)
	@$(BIN)/flexlib report --demo without-key --console --workers 50 --year $(YEAR) --month $(MONTH)
	@$(BIN)/flexlib report --demo without-key --notebook llm_usage --workers 50 --year $(YEAR) --month $(MONTH)
	@echo 'Next: $(BIN)/flexlib menu lists the jobs of a month, $(BIN)/flexlib --help all commands.'

test: $(VENV)/test ## the tests: unit, property (a tenth of the examples), notebooks, end to end
	ONE_EXAMPLE_IN=$(FEWER) $(BIN)/python -m pytest -q $(PARALLEL)
	$(TEST_NOTEBOOKS)

test-all: FEWER = 1
test-all: $(VENV)/test $(VENV)/all ## these with all examples, and what is heavy: Spark (needs Java 17), every block of the README
	ONE_EXAMPLE_IN=$(FEWER) $(BIN)/python -m pytest -q $(PARALLEL) -m ''

mutate: $(VENV)/test ## whether the tests would notice: the rooms that compute, changed in one place at a time (ROOMS=dates)
	$(BIN)/python tests/mutate/mutate.py $(ROOMS)

lab: $(VENV)/report ## JupyterLab on your data, else on the demo's, else on the fixture (LAB=--no-browser)
	@root=$$($(BIN)/python -c 'from flexlib.front.months import find_data; from flexlib.settings import load_settings; \
	  data = find_data(load_settings()); print(data if data.exists() else "$(CURDIR)/tests/data/fixture")'); \
	echo "Data: $$root"; $(BIN)/jupyter trust notebooks/*.ipynb >/dev/null; \
	FLEXLIB_DATA=$$root $(BIN)/jupyter lab $(LAB) --LabApp.default_url=/lab/tree/start_here.ipynb notebooks

dashboard: $(VENV)/dashboard ## the months and the running one in a browser: made-up data, or yours once WINDSURF_SERVICE_KEY is set
	@$(BIN)/flexlib dashboard --demo without-key

catalogue: $(VENV)/test ## the sentences to translate, from code and notebooks, into flexlib/locale; says what lacks one
	@PYTHONPATH=tests $(BIN)/python tests/make_catalogue.py

refresh: $(VENV)/report ## run the notebooks on the fixture and store their outputs
	@$(FIXTURE) $(BIN)/python tests/refresh_notebooks.py

check: $(VENV)/test ## style and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

bench: $(VENV)/test bench-ledger bench-import ## speed, each against a plain yardstick in the same run (about 10 minutes)
	$(BIN)/python tests/bench/bench.py

bench-ledger: $(VENV)/test ## of these the ledger: recording, closing, summing (ROWS=10000000 for the full size)
	$(BIN)/python tests/bench/bench_ledger.py $(if $(ROWS),--rows $(ROWS) --close-rows $(ROWS))

bench-import: $(VENV)/test ## of these the import of a file (ROWS=20000000 for ten times as much)
	$(BIN)/python tests/bench/bench_import.py $(if $(ROWS),--rows $(ROWS))

bench-analysis: $(VENV)/test ## changes, forecasts (SERIES='a.csv b.csv'), planted spikes, response times, each page (ROWS=10000000)
	@[ -x $(VENV)-ets/bin/python ] || { $(BIN)/python -m venv $(VENV)-ets && \
	  $(BIN)/uv pip install --quiet --python $(VENV)-ets/bin/python statsmodels; } || rm -rf $(VENV)-ets
	$(BIN)/python tests/bench/bench_months.py $(SERIES) --ets $(VENV)-ets/bin/python
	$(BIN)/python tests/bench/bench_analysis.py
	$(BIN)/python tests/bench/bench_latency.py $(if $(ROWS),--rows $(ROWS))
	$(BIN)/python tests/bench/bench_pages.py $(if $(ROWS),--rows $(ROWS))

bench-site: $(VENV)/test ## the pages of 24 months of 6,000 people, made anew and again (ROWS=10000000 calls)
	$(BIN)/python tests/bench/bench_site.py $(if $(ROWS),--rows $(ROWS))

bench-workbook: $(VENV)/test ## a large month's facts as a sheet of Excel (MODELS=17 of each person and day)
	$(BIN)/python tests/bench/bench_workbook.py $(if $(MODELS),--models $(MODELS))

bench-cache: $(VENV)/test ## the same questions without a cache, and twice with one (ROWS=10000000 calls a month)
	$(BIN)/python tests/bench/bench_cache.py $(if $(ROWS),--rows $(ROWS))

bench-dashboard: $(VENV)/test ## the dashboard in a real browser: first view, each filter, memory (ROWS=10000000 calls)
	$(BIN)/python tests/bench/bench_dashboard.py $(if $(ROWS),--rows $(ROWS))

clean: ## remove what was made, not the data of your own server
	rm -rf .venv .venv-* reports site output data/demo .pytest_cache .mypy_cache .ruff_cache .hypothesis build *.egg-info

EXTRAS_report := [reports,excel,pdf]
EXTRAS_test   := [test]
EXTRAS_dashboard := [dashboard]
EXTRAS_all    := [test,all]

# uv installs in a third of pip's time; where it cannot be had, pip does the same.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "flexlib needs Python 3.11 or later; try make PYTHON=python3.12")'
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); $(PYTHON) -m venv --without-pip $(VENV); }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m pip --python $(BIN)/python install --quiet pip
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv || echo 'No uv; pip will do, in twice the time.'

$(VENV)/report $(VENV)/test $(VENV)/dashboard $(VENV)/all: $(VENV)/%: pyproject.toml | $(BIN)/python
	@echo 'Installing into $(VENV) ...'
	@extra='$(EXTRAS_$*)'; \
	{ [ -x $(BIN)/uv ] && $(BIN)/uv pip install --quiet $(if $(LOWEST),--resolution lowest-direct) --python $(BIN)/python $(if $(filter .venv,$(VENV)),--compile-bytecode) --editable ".$$extra"; } \
	|| { [ -z "$(LOWEST)" ] && $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".$$extra"; }
	@touch $@
