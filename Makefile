# Everything runs in .venv, which the first target makes with nothing but python3 (>= 3.11).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The environment belongs to this folder, whatever the shell had activated.
export UV_PROJECT_ENVIRONMENT := $(CURDIR)/$(VENV)
unexport VIRTUAL_ENV
# A command that finds its modules compiled starts in half the time, and tests start thousands.
unexport PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX := $(CURDIR)/$(VENV)/compiled
# One worker more than there are cores: many tests wait for others, such as programs that start.
TEST = TMPDIR=$$(sh scripts/test-room.sh) $(BIN)/pytest -n $$(($$(getconf _NPROCESSORS_ONLN) + 1)) --dist loadgroup

.PHONY: help setup install demo test coverage tools lint bench docs clean
help:  ## show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

setup: $(VENV)/.ready  ## make .venv, with the phono command in it

$(VENV)/.ready: uv.lock pyproject.toml scripts/bootstrap.sh
	PYTHON=$(PYTHON) sh scripts/bootstrap.sh $(VENV)
	touch $@

PREFIX ?= /usr/local
install:  ## put the phono command and its systemd units where everybody finds them (PREFIX=/usr/local)
	PYTHON=$(PYTHON) sh scripts/install.sh $(PREFIX)

demo: $(VENV)/.ready  ## run the whole job on real audio made on the spot
	$(BIN)/phono demo

lint: $(VENV)/.ready  ## ruff, mypy --strict, import layers, docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: tools  ## all checks and all tests; those of the ledger on PostgreSQL as well
	@$(MAKE) --no-print-directory lint > $(VENV)/lint.log 2>&1 & lint=$$!; \
	$(TEST) || failed=1; \
	wait $$lint || failed=1; cat $(VENV)/lint.log; exit $${failed:-0}
	TESTS_LEDGER=postgresql $(TEST) -q

coverage: tools  ## all tests, and which lines of the code none of them runs
	$(TEST) --cov --cov-report=term:skip-covered

tools: $(VENV)/.ready
	sh scripts/test-tools.sh
	sh scripts/client-tools.sh $(VENV)/clients
	sh scripts/harvesters.sh $(VENV)/harvesters
	sh scripts/players.sh $(VENV)/players
	UV_SYSTEM_CERTS=true $(BIN)/uv sync --frozen --inexact --quiet --group cluster

bench: $(VENV)/.ready  ## measure against other tools; prints ratios
	sh scripts/bench-tools.sh
	$(BIN)/python -m benchmarks

docs: $(VENV)/.ready  ## check the documentation: links, commands, layers
	$(BIN)/pytest -q tests/docs

clean:  ## remove the environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
