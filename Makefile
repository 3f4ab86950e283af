# Every command of the house. `make` alone explains them.
# Variables: PORT (the gateway's; services take the next three), VAR (data folder), PYTHON, ARGS.

PORT   ?= 8000
VAR    ?= var
PYTHON ?= python3
SIZE   ?= 500
RUNS   ?= 200
SEED   ?= 1
STACK  ?= both
ONLY   ?=
ARGS   ?=

PY    = .venv/bin/python
RUN   = .venv/stamps/run
DEV   = .venv/stamps/dev
TELL  = $(PY) -m deploy.local.command --port $(PORT) --var $(VAR) $(if $(REAL),--real)
TEST  = $(PY) -m pytest -q -n 4 --dist loadfile
NAMED = $(or $(s),$(error Which service? Say so: make $@ s=auth, s=catalog or s=shop))
CODE  = shared gateway auth_service catalog_service shop_service deploy tests

.DEFAULT_GOAL := help
.PHONY: help setup run run-real superuser seed test test-fast test-real test-slow faults browser bench bench-bus bench-gateway stress-gateway \
        lint format types arch check contracts compat release-contracts lock independence migrate makemigrations bus shell \
        secrets up down logs clean

##@ Use it
help: ## show this list
	@awk -f deploy/help.awk Makefile

setup: $(RUN) ## make .venv with exactly the locked packages (done for you by every target)

run: $(RUN) ## run the whole shop here: no Docker, no broker, no database server  [PORT= VAR=]
	@$(PY) -m deploy.local --port $(PORT) --var $(VAR) $(if $(REAL),--real)

run-real: $(RUN) ## the same on PostgreSQL and RabbitMQ of this machine
	@$(PY) -m deploy.local --port $(PORT) --var $(VAR) --real

superuser: $(RUN) ## create an account that may do everything  [REAL=1 after run-real]
	@$(TELL) auth superuser $(ARGS)

seed: $(RUN) ## fill the catalogue with made-up products  [SIZE=500]
	@$(TELL) catalog seed --size $(SIZE) $(ARGS)

##@ Prove it
test: $(DEV) ## all tests on the embedded stack  [ARGS="-k cart"]
	@$(TEST) -m "not real and not slow and not browser" $(ARGS)

test-fast: $(DEV) ## stop at the first failure, failed ones first
	@$(TEST) -m "not real and not slow and not browser" -x --failed-first $(ARGS)

test-real: $(DEV) ## the same tests on PostgreSQL and RabbitMQ
	@QUINTET_TEST_STACK=real $(TEST) -m "not slow and not browser" $(ARGS)

test-slow: $(DEV) ## what takes minutes, there too: outages, backlogs, kills, rolling restarts, crowds
	@QUINTET_TEST_STACK=real $(PY) -m pytest -q -m "slow and not browser" $(ARGS)

faults: $(DEV) ## break everything, hundreds of times, and count  [RUNS= SEED= STACK= ONLY=]
	@$(PY) -m tests.faults.suite --runs $(RUNS) --seed $(SEED) --stack $(STACK) --only "$(ONLY)" \
		$(if $(ONLY),,--report) $(ARGS)

browser: $(DEV) .venv/stamps/browser ## the shop as a visitor sees it, in Chromium
	@$(PY) -m pytest -q tests/browser $(ARGS)

bench: $(DEV) ## measure the whole platform on both stacks  [ARGS="--stack embedded"]
	@$(PY) -m tests.benchmarks.whole $(ARGS)

bench-bus: $(DEV) .venv/stamps/bench ## measure the bus beside aio-pika, kombu and FastStream (minutes)  [ARGS=--full]
	@$(PY) -m tests.benchmarks.bus $(ARGS)

bench-gateway: $(DEV) .venv/stamps/bench ## measure the gateway beside nginx, @fastify/http-proxy and FastAPI + httpx  [ARGS=--dry]
	@$(PY) -m tests.benchmarks.gateway $(ARGS)

stress-gateway: $(DEV) ## thousands of idle clients, slow readers and gigabytes through the gateway
	@$(PY) -m tests.benchmarks.crowds $(ARGS)
	@$(PY) -m pytest -q -m slow tests/gateway/test_crowds.py

independence: $(DEV) ## install each service alone from its wheel, start it, look for the others
	@$(PY) -m deploy.independence $(ARGS)

##@ Keep it clean
lint: $(DEV) ## ruff: errors, style, formatting
	@$(PY) -m ruff check . && $(PY) -m ruff format --check .

format: $(DEV) ## let ruff repair what it can
	@$(PY) -m ruff check --fix . ; $(PY) -m ruff format .

types: $(DEV) ## mypy --strict on everything, tests included
	@$(PY) -m mypy $(CODE)

arch: $(DEV) ## who may import whom, and the rules of the house
	@.venv/bin/lint-imports --no-logo && $(TEST) tests/architecture

check: ## exactly what CI runs
	@.ci/run

contracts: $(DEV) ## write the committed event schemas, OpenAPI and reference pages anew
	@$(PY) -m deploy.contracts $(ARGS)

compat: $(DEV) ## refuse changes to events that would break those who hear them
	@$(PY) -m deploy.compatibility

release-contracts: $(DEV) ## at a release: today's events become the promise that compat guards
	@$(PY) -m deploy.compatibility --release

lock: $(DEV) ## resolve all dependencies again into requirements/*.txt
	@requirements/lock.sh

##@ Work on a service (s=auth | catalog | shop)
migrate: $(RUN) ## bring the tables of one service up to date  [s=catalog]
	@$(TELL) $(NAMED) migrate $(ARGS)

makemigrations: $(RUN) ## write a migration from the models  [s=catalog m="Products get a slug"]
	@$(TELL) $(NAMED) makemigrations "$(m)" $(ARGS)

bus: $(RUN) ## look at the bus and repair it  [s=shop ARGS="dead list"]
	@$(TELL) $(NAMED) bus $(or $(ARGS),status)

shell: $(RUN) ## Python with the service wired up  [s=catalog]
	@$(TELL) $(NAMED) shell $(ARGS)

##@ Deploy it (Docker Compose)
secrets: ## random passwords and keys into deploy/secrets/, never overwriting one
	@$(PYTHON) deploy/compose/make_secrets.py

up: secrets ## build and start PostgreSQL, RabbitMQ, nginx and every service
	@docker compose up --build --detach --wait

down: ## stop them; data stays in the volumes
	@docker compose down

logs: ## follow everybody's log lines
	@docker compose logs --follow --tail 50

##@ Tidy
clean: ## remove caches and build results; keeps .venv and data
	@rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	@find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

.venv/stamps/%: requirements/%.txt deploy/setup.py
	@$(PYTHON) deploy/setup.py $*
