.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
AWS := .venv-aws/.ready
FUZZ := .venv-fuzz/.ready

help: ## Show this help.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("fleet needs Python 3.11 or later, not " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@

# The AWS CLI pins a botocore of its own, so where the machine has none it gets an environment of its own.
$(AWS): tests/conformance/awscli.lock
	@mkdir -p .venv-aws
	command -v aws > /dev/null || { $(PYTHON) -m venv --clear .venv-aws && \
		.venv-aws/bin/pip install --quiet --disable-pip-version-check --require-hashes -r $<; }
	@touch $@

# The fuzzer's compiled half is of no use to anything else.
$(FUZZ): tests/input/fuzz.lock
	$(PYTHON) -m venv --clear .venv-fuzz
	.venv-fuzz/bin/pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

demo: $(READY) ## Run the main job on the sandbox: no AWS account needed, about a minute.
	@$(BIN)/fleet demo

test: $(READY) $(AWS) ## Run all tests.
	$(BIN)/pytest -n 3 --dist loadfile --timeout 180

bench: $(READY) ## Benchmarks: fleet beside other ways to do it, on the sandbox (many minutes; ARGS=--quick for a look).
	$(BIN)/python -m tests.bench.scheduling $(ARGS)

check: $(READY) ## Lint, format check and types.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# What of each campaign CI has time for, and the whole of it.
faults: LEDGER := $(if $(QUICK),--seconds 40,--seconds 140)
faults: SIMULATION := $(if $(SEEDS),--seeds $(SEEDS),--minutes $(if $(QUICK),1.5,5))
faults: PROCESS := $(if $(QUICK),--kills 40 --jobs 120,--kills 200 --jobs 500)
faults: REPLICAS := $(if $(QUICK),--jobs 400 --minutes 2,--jobs 2000 --minutes 10)
faults: $(READY) ## Fault campaigns: crashes at every step, kills, syscalls, power loss, replicas (half an hour; QUICK=1 for less).
	@command -v strace > /dev/null || apt-get install --yes --quiet strace > /dev/null || true
	$(BIN)/python -m tests.faults.ledger $(LEDGER)
	$(BIN)/python -m tests.faults.simulation $(SIMULATION)
	$(BIN)/python -m tests.faults.process $(PROCESS)
	$(BIN)/python -m tests.faults.replicas $(REPLICAS)

fuzz: $(READY) $(FUZZ) ## Fuzz the readers of what people and AWS write, for a minute (FOR_S=600 for ten).
	$(BIN)/python -m tests.input.fuzz --seconds $(or $(FOR_S),60)

systemd: $(READY) ## Boot the unit under a real systemd in a container of its own (needs root; 3 to 6 minutes).
	$(BIN)/python -m tests.deploy.systemd

image: $(READY) ## Build the container image with buildah and run it (needs root; about 3 minutes).
	$(BIN)/python -m tests.deploy.image

generate: $(READY) ## Make all committed files anew that are generated from code.
	$(BIN)/python -m grafana.generate
	$(BIN)/python deploy/kubernetes/generate.py
	$(BIN)/python -m tests.faults.table
	$(BIN)/python -m docs.reference

format: $(READY) ## Format the code and fix what the linter can fix.
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

lock: ## Make requirements.lock anew (needs uv): hashes, no addresses.
	uv pip compile pyproject.toml --all-extras --group dev --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-annotate --no-header --quiet -o requirements.lock
	@echo 'Now, in a fresh environment (make test): $(BIN)/python deploy/lock.py'

.PHONY: help demo test bench check faults fuzz systemd image generate format lock
