# Two commands matter: `make demo` and `make test`. Both set up what they need first, and skip what is done.
# Arguments are handed on: make demo ARGS="--duration 20", make test ARGS="tests/sinks -x".
.DEFAULT_GOAL := help
SHELL := /bin/bash
MAKEFLAGS += --no-print-directory
ARGS ?=
PACKAGES := bpf producers schemas sinks streams weir
# The tests whose servers are worth a container: what is asked of the broker, of a ClickHouse behind its protocol, and of a worker between them.
CONTAINED := tests/infra/test_kafka_server.py tests/sinks tests/integration/test_outages.py tests/integration/test_replay.py tests/integration/test_workers.py

.PHONY: $(shell sed -nE "s/^([a-z-]+):.*/\1/p" Makefile)

help:
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## (.*)/make \1|\2/' | column -t -s '|'

setup: ## installs what the demo needs
	@bash infra/setup.sh

setup-test: ## installs what the tests need, too
	@bash infra/setup-test.sh

console: setup-test ## builds the console's page into the package; to be committed with its sources
	@PATH=$$PWD/.venv/bin:$$PATH npm --prefix console run build

demo: setup ## the whole road in one terminal; ends on Ctrl-C
	@exec .venv/bin/weir demo $(ARGS)

setup-check: ## installs the virtual environment alone
	@bash infra/venv.sh test

lint: setup-check ## ruff, mypy and the layers of pyproject.toml
	@.venv/bin/ruff check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports --no-cache >.cache/layers.log || { cat .cache/layers.log; exit 1; }

check: lint ## lint, and the tests that need no root, no server and little time
	@.venv/bin/pytest -n 2 --dist loadscope --no-loadscope-reorder -q -m "not (kernel or servers or machine or browser or long)" $(ARGS)

test: setup-test lint ## lint and every test
	@.venv/bin/pytest -n 3 --dist loadscope --no-loadscope-reorder $(ARGS)

bench-agent: setup-test ## what the agent costs, and costs the node, under six loads; ARGS=--full for firm figures
	@.venv/bin/python -m tests.bench.agent $(ARGS)

test-containers: setup-test ## the tests of the broker and of ClickHouse, with both in containers
	@bash infra/containers.sh .venv/bin/pytest $(or $(ARGS),$(CONTAINED))

test-cluster: setup-test ## weir in a Kubernetes of two nodes on this machine: names, bytes, updates, outages, rights
	@bash infra/cluster/run.sh .venv/bin/pytest $(or $(ARGS),tests/cluster)

picture: setup-test ## the README's picture of the console, of a demo that runs for two minutes
	@.venv/bin/python -m tests.demo.picture docs/console.png

bench: setup-test ## what a worker costs, end to end and step by step
	@.venv/bin/python -m tests.bench.worker $(ARGS)

bench-attribution: setup-test ## names by weir and by others against a known truth: a table
	@nice -n 10 .venv/bin/python -m tests.bench.attribution $(ARGS)

bench-knowledge: setup-test ## what it costs that every worker knows who holds which address: a table
	@nice -n 10 .venv/bin/python -m tests.bench.knowledge $(ARGS)

bench-replay: setup-test ## a million flows through Kafka into a worker: what each stage costs
	@.venv/bin/python -m tests.bench.replay $(ARGS)

bench-peers: setup-test ## weir's worker beside ClickHouse alone and a naive Faust worker: a table
	@nice -n 10 .venv/bin/python -m tests.bench.peers $(ARGS)

bench-crashes: setup-test ## the same under kills and rebalances: what is lost, what is there twice
	@nice -n 10 .venv/bin/python -m tests.bench.peers.crash_bench $(ARGS)

bench-console: setup-test ## what the console's questions take on a day of a large fleet: a table of goals
	@.venv/bin/python -m tests.bench.console $(ARGS)

bench-answers: setup-test ## the answers against a known truth: a table of bars; SEED=n for another one, ARGS=health for one answer
	@nice -n 10 .venv/bin/python -m tests.bench.answers --seed $(or $(SEED),1) $(ARGS)

faults: setup-test ## the fault bench alone: every point and every fault once
	@.venv/bin/pytest tests/faults $(ARGS)

soak: setup-test ## hundreds of kills under millions of flows, and a table of what was lost or doubled
	@nice -n 10 .venv/bin/python -m tests.faults $(ARGS)

clean: ## removes what was installed or fetched inside this folder
	@rm -rf .venv .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
