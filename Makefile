# Two commands on a fresh machine with git, make and Python 3.11 or newer: `make site` and `make test`.
PYTHON ?= $(shell for name in python3.14 python3.13 python3.12 python3.11 python3 python; do \
  $$name -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)
VENV := .venv
DEV := .venv-dev
# The reference workspace is this folder; its two commands write below it and, for the key, below the user's data folder.
SLUG := 2025-01-22-telemetry-step2

.PHONY: help site test check lint types format schemas lock bench bench-verdicts bench-pages bench-sources bench-first-hour screenshots clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The locks are complete. Left to follow dependencies, older pips take the newest release of a 'name[extra]' and then refuse it.
$(VENV)/.done: requirements/run.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "no Python 3.11 or newer with venv was found; install one, or write make PYTHON=/path/to/python"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/run.txt
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(DEV)/.done: requirements/dev.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "no Python 3.11 or newer with venv was found; install one, or write make PYTHON=/path/to/python"; exit 2; }
	$(PYTHON) -m venv $(DEV)
	$(DEV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/dev.txt
	$(DEV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

site: $(VENV)/.done ## The reference deployment, from its exports to the built site
	$(VENV)/bin/deploybook pull -d $(SLUG)
	$(VENV)/bin/deploybook report -d $(SLUG)
	$(VENV)/bin/deploybook publish
	@echo
	$(VENV)/bin/deploybook judge -d $(SLUG)
	@echo
	@echo "Open $(CURDIR)/site/index.html, or run: $(VENV)/bin/deploybook serve"

test: $(DEV)/.done ## Every test
	$(DEV)/bin/python -m pytest -n 2 --dist worksteal -m "not bench"

check: lint types test ## Everything that is checked

lint: $(DEV)/.done ## Style and form of the code
	$(DEV)/bin/ruff check src tests benchmarks
	$(DEV)/bin/ruff format --check src tests benchmarks

types: $(DEV)/.done ## Types of the package
	$(DEV)/bin/mypy

format: $(DEV)/.done ## Rewrite the code in its form
	$(DEV)/bin/ruff check --fix src tests benchmarks
	$(DEV)/bin/ruff format src tests benchmarks

lock: ## Write the locks anew (needs uv)
	uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 pyproject.toml --group build -o requirements/run.txt
	uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 pyproject.toml --group build --group dev -o requirements/dev.txt

bench: $(DEV)/.done ## What it costs, beside what is promised (BENCH="--quick reports": less of one part)
	$(DEV)/bin/python benchmarks/run.py $(BENCH)

bench-verdicts: $(DEV)/.done ## False alarms and misses of the verdicts, by simulation
	$(DEV)/bin/python benchmarks/verdicts.py

bench-pages: $(DEV)/.done ## What 300 quiet deployments read
	$(DEV)/bin/python benchmarks/pages.py

bench-first-hour: $(DEV)/.done ## From an empty folder to a page, command by command
	$(DEV)/bin/python benchmarks/first_hour.py

bench-sources: $(DEV)/.done ## What pulling, decoding and storing cost
	$(DEV)/bin/python benchmarks/sources.py

screenshots: $(DEV)/.done ## Pictures of every page kind in four modes (needs Chromium)
	$(DEV)/bin/python benchmarks/screenshots.py

clean: ## Remove what the other targets made, but not the evidence
	rm -rf $(VENV) $(DEV) site reports build dist .pytest_cache .mypy_cache .ruff_cache
