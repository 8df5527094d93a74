# Two commands matter: `make demo` and `make test`. Both set up what they need first, and skip what is done.
# Arguments are handed on: make demo ARGS="--duration 20", make test ARGS="tests/sinks -x".
.DEFAULT_GOAL := help
SHELL := /bin/bash
MAKEFLAGS += --no-print-directory
ARGS ?=
PACKAGES := bpf producers schemas sinks streams weir

.PHONY: help setup setup-test demo test lint bench bench-attribution bench-replay faults soak clean

help:
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## (.*)/make \1|\2/' | column -t -s '|'

setup: ## installs what the demo needs
	@bash infra/setup.sh

setup-test: ## installs what the tests need, too
	@bash infra/setup-test.sh

demo: setup ## the whole road in one terminal; ends on Ctrl-C
	@exec .venv/bin/weir demo $(ARGS)

lint: setup-test ## ruff and mypy
	@.venv/bin/ruff check .
	@.venv/bin/mypy

test: lint ## ruff, mypy and every test
	@.venv/bin/pytest $(ARGS)

bench: setup-test ## what a worker costs, end to end and step by step
	@.venv/bin/python -m tests.bench.worker $(ARGS)

bench-attribution: setup-test ## names by weir and by others against a known truth: a table
	@nice -n 10 .venv/bin/python -m tests.bench.attribution $(ARGS)

bench-replay: setup-test ## a million flows through Kafka into a worker: what each stage costs
	@.venv/bin/python -m tests.bench.replay $(ARGS)

faults: setup-test ## every point and every fault once: a short plan, and kills of agents and of forwarding workers
	@.venv/bin/pytest tests/faults/short_plan.py tests/faults/agent_points.py tests/faults/forward_points.py $(ARGS)

soak: setup-test ## hundreds of kills under millions of flows, and a table of what was lost or doubled
	@nice -n 10 .venv/bin/python -m tests.faults $(ARGS)

clean: ## removes what was installed or fetched inside this folder
	@rm -rf .venv .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
