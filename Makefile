# Nomaflow: `make up` and open the page it prints. Every target makes what it needs first.
#   make up ARGS="--port 9000 --workers 2"     options are passed on
#   make up PYTHON=python3.12                  another interpreter (only the first time)
.DEFAULT_GOAL := help
.PHONY: help up demo test check soak bench docs lock base dev components
python := .venv/bin/python
export PYTHON

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

up: base ## Start everything; Ctrl-C stops it (ARGS="--detach" to leave it running)
	@exec .venv/bin/nomaflow up $(ARGS)

demo: base ## Run the sample job to its end and show its steps, rows, durations and log
	@exec .ci/demo

test: dev components ## Run the tests (ARGS="tests/unit" for some of them)
	@exec $(python) -m pytest --numprocesses $(if $(NOMAFLOW_DATABASE_URL),0,2) --dist loadgroup $(ARGS)

check: dev ## Format, lint, types, import rules, migrations, docs, front end
	$(python) -m ruff format --check .
	$(python) -m ruff check .
	$(python) -m mypy
	.venv/bin/lint-imports
	NOMAFLOW_DATABASE_URL=postgresql://127.0.0.1:1/none $(python) -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run
	$(python) -m docs.generate --check
	$(python) -m nomaflow.frontend --check

soak: dev ## The dice-rolling suites, twenty times as long (hours)
	@NOMAFLOW_SOAK=20 exec $(python) -m pytest -o timeout=0 tests/unit tests/runs tests/jobs tests/live $(ARGS)

bench: dev ## Measure (only=<name> for one figure)
	@exec $(python) -m benchmarks $(addprefix --only ,$(only))

docs: dev ## Write the generated pages of docs/
	@exec $(python) -m docs.generate

lock: dev ## Resolve requirements/*.in into hashed requirements/*.txt (needs uv)
	@command -v uv >/dev/null || { echo "nomaflow: uv is needed to lock: pip install uv" >&2; exit 1; }
	@for name in base dev node; do \
	  echo "Locking requirements/$$name.in …"; \
	  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	    --no-emit-find-links --no-emit-index-url requirements/$$name.in -o requirements/$$name.txt || exit 1; \
	done

base:
	@.ci/venv base

dev:
	@.ci/venv dev

components: dev
	@$(python) -m tests.components
