# Two commands a newcomer needs: `make demo` and `make test`. Everything else builds on the same virtual environment.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test lint types imports unit bench bench-files bench-sla replay texts crash postgres clean

demo: $(READY)
	$(BIN)/bridge demo $(DEMO_ARGS)

test: lint types imports unit

lint: $(READY)
	$(BIN)/ruff check src connectors tests bench
	$(BIN)/ruff format --check src connectors tests bench

types: $(READY)
	$(BIN)/mypy

imports: $(READY)
	$(BIN)/lint-imports

unit: $(READY) postgres
	$(BIN)/pytest -n 2 --dist loadfile tests

# Which lines no test runs. Apart from `test`, for counting lines more than doubles its time.
.PHONY: coverage
coverage: $(READY) postgres
	$(BIN)/pytest --cov --cov-report=term:skip-covered -n 2 --dist loadfile tests

# Thousands of stories nobody wrote: MACHINE_STORIES=500 for fewer.
.PHONY: machines
machines: $(READY)
	HYPOTHESIS_PROFILE=long $(BIN)/pytest tests/property/test_core_machine.py tests/acceptance/test_engine_machine.py \
		tests/acceptance/test_sequences.py

bench: $(READY)
	$(BIN)/python -m bench

# Large files both ways: what memory the daemon needs for them. Takes about 3 GB of temporary disk.
bench-files: $(READY)
	$(BIN)/python -m bench.files

# What business time and folding a case cost, beside other libraries where `pip install -e '.[bench]'` put them.
bench-sla: $(READY)
	$(BIN)/python -m bench.sla

replay: $(READY)
	$(BIN)/python -m bench.replay

# The table of docs/text.md, made anew from what the code does.
texts: $(READY)
	$(BIN)/python -m bench.text_table
# The daemon killed 200 times while people work and replies get lost; some minutes long, so no part of `test`.
crash: $(READY)
	$(BIN)/python -m bench.crash $(CRASH_ARGS)

# The ledger is tested on a real PostgreSQL server too. Where none is installed and we may install one, we do.
postgres:
	@sh deploy/ensure-postgres.sh

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	PIP_CONSTRAINT=constraints.txt $(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $(READY)

clean:
	rm -rf $(VENV) .coverage .coverage.* dist build
