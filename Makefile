# Each target sets up what it needs, once: on a machine with Python 3.12, any of them may be the first.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
RUN := $(BIN)/python -m
ENVIRONMENT := .venv/.installed
DEV_ENVIRONMENT := .venv/.installed-dev
LAMBDA_ENVIRONMENT := .venv-lambda/.installed
CHECKOV_ENVIRONMENT := .venv-checkov/.installed
CHECKED := .venv-checkov/.checked
SAGEMAKER_ENVIRONMENT := .venv-sagemaker/.installed
BENCH_ENVIRONMENT := .venv-bench/.installed
MUTATE_ENVIRONMENT := .venv-mutate/.installed
ARTIFACT := .aws-sam/.built
BUILD_LOG := .aws-sam/build.log
COMPILE := requirements/uv pip compile --quiet --generate-hashes --universal --python-version 3.12 \
	--no-emit-index-url --no-emit-find-links --no-annotate --no-header

# Three at a time, since what shares the deployed stack is one group, and waits more than it works.
PYTEST := $(RUN) pytest --numprocesses 3 --dist loadgroup --no-loadscope-reorder

export SAM_CLI_TELEMETRY := 0
# Packages come without byte code: unless it is kept, each of a hundred processes compiles what it imports.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup setup-dev setup-sagemaker setup-bench lint test test-slow test-all bench fuzz test-api test-chaos test-sim mutate demo local invoke page openapi build deploy requirements clean

help: ## what there is to make (the default)
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(ENVIRONMENT) $(LAMBDA_ENVIRONMENT) ## install what demo, local, training and ops need, from pinned requirements

setup-dev: setup $(DEV_ENVIRONMENT) ## and what tests and checks need

setup-sagemaker: $(SAGEMAKER_ENVIRONMENT) ## the SageMaker SDK (1 GB), for training there alone

setup-bench: $(ENVIRONMENT) $(BENCH_ENVIRONMENT) ## what the benchmarks compare with: pandas, polars, duckdb

lint: $(DEV_ENVIRONMENT) $(CHECKED) ## ruff, mypy, cfn-lint, sam validate and checkov
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/cfn-lint template.yaml
	@$(BIN)/sam validate --lint

test: setup-dev build ## what a contributor runs, minutes: all tests but those marked slow
	@$(PYTEST) -m "not slow" $(COVERAGE)

test-slow: setup-dev build ## the rest: every crash point, permissions, the artifact, chaos, fuzz, browser, demos
	@$(PYTEST) -m slow

test-all: ## both, with branch coverage of functions/
	@$(MAKE) test COVERAGE=--cov
	@$(MAKE) test-slow

test-api: setup-dev build ## schemathesis against the results API; CASES= how many at least (2000), SEED= which (0)
	@$(RUN) tests.openapi --cases "$${CASES:-2000}" --seed "$${SEED:-0}"

test-chaos: setup-dev build ## functions killed, calls throttled, events doubled: FILES= how many (500), SEED= which trouble
	@FILES="$${FILES:-500}" $(RUN) pytest tests/chaos --log-cli-level=INFO

test-sim: $(DEV_ENVIRONMENT) ## every crash point, every switch between two invocations, RUNS= random lives (1000); SEED= the first of them, alone: that one
	@$(RUN) tests.simulation $${RUNS:+--runs "$$RUNS"} $${SEED:+--seed "$$SEED"}

mutate: $(DEV_ENVIRONMENT) $(MUTATE_ENVIRONMENT) ## mutations of domain and use cases that no fast test sees; COUNT= how many (60), SEED= which (0)
	@.venv-mutate/bin/python -m tests.mutation --count "$${COUNT:-60}" --seed "$${SEED:-0}"

bench: setup setup-bench build ## what scoring costs, beside others, under 10 minutes; LARGE=yes for 43 million rows, OUT= for JSON
	@$(RUN) benchmarks all $${LARGE:+--large} $${OUT:+--folder "$$OUT"}

demo: setup build ## score files end to end; PARQUET= file or folder, OUT=, FEATURES=, TARGET=, TIMESTAMP=; or TASK=traffic
	@$(RUN) local demo $${TASK:+--task "$$TASK"} $${PARQUET:+--parquet "$$PARQUET"} $${OUT:+--out "$$OUT"} \
		$${FEATURES:+--features "$$FEATURES"} $${TARGET:+--target "$$TARGET"} \
		$${TIMESTAMP:+--timestamp "$$TIMESTAMP"}

fuzz: setup-dev ## damaged and hostile files before the reader; CASES= how many, SEED= of the first damaged one
	@$(RUN) tests.fuzz --cases "$${CASES:-2000}" --seed "$${SEED:-0}"

local: setup build ## the embedded stack, kept up until interrupted
	@$(RUN) local serve

invoke: setup build ## one function by hand, without a container, while `make local` runs; FUNCTION= and EVENT=
	@$(RUN) local invoke "$${FUNCTION:?give FUNCTION=, such as PrepareFunction}" \
		--event "$${EVENT:?give EVENT=, such as events/s3-put.json}"

page: $(ENVIRONMENT) ## the results page of a deployed stack, in a browser; URL= its ResultsApiUrl, PORT= a port of yours
	@$(RUN) ops page --url "$${URL:?give URL=, which is the output ResultsApiUrl of the stack}" \
		$${PORT:+--port "$$PORT"}

openapi: $(ENVIRONMENT) ## docs/openapi.json anew, from the code of the results API
	@$(RUN) dropscore.api >docs/openapi.json.new
	@mv docs/openapi.json.new docs/openapi.json

build: $(ARTIFACT) ## the functions' artifact, with SAM

deploy: build ## the stack to your AWS account, with SAM, asking for its parameters; first what is missing there
	@$(RUN) ops doctor || echo "Nothing of that keeps the stack from being deployed; Ctrl-C stops here." >&2
	@$(BIN)/sam deploy --guided

requirements: ## compile the *.in files into pinned requirements with hashes
	@$(COMPILE) requirements/uv.in --output-file requirements/uv.txt
	@$(COMPILE) functions/requirements.in --output-file functions/requirements.txt
	@$(COMPILE) requirements/lambda-runtime.in --output-file requirements/lambda-runtime.txt
	@$(COMPILE) requirements/dev.in --output-file requirements/dev.txt
	@$(COMPILE) requirements/run.in --constraints requirements/dev.txt --output-file requirements/run.txt
	@$(COMPILE) requirements/bench.in --output-file requirements/bench.txt
	@$(COMPILE) requirements/mutate.in --output-file requirements/mutate.txt
	@$(COMPILE) requirements/checkov.in --output-file requirements/checkov.txt
	@$(COMPILE) requirements/sagemaker.in --output-file requirements/sagemaker.txt

clean: ## remove what make made, the demo's results too
	@rm -rf .venv* .aws-sam .demo .fuzz .local .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache

$(ENVIRONMENT): requirements/run.txt
	@requirements/install .venv $<
	@echo ../../../../functions > .venv/lib/python3.12/site-packages/dropscore.pth
	@touch $@

$(DEV_ENVIRONMENT): requirements/dev.txt $(ENVIRONMENT)
	@requirements/install .venv $<
	@touch $@

$(LAMBDA_ENVIRONMENT): requirements/lambda-runtime.txt
	@requirements/install .venv-lambda $<
	@touch $@

$(CHECKOV_ENVIRONMENT): requirements/checkov.txt
	@requirements/install .venv-checkov $<
	@touch $@

$(BENCH_ENVIRONMENT): requirements/bench.txt
	@requirements/install .venv-bench $<
	@touch $@

$(MUTATE_ENVIRONMENT): requirements/mutate.txt
	@requirements/install .venv-mutate $<
	@touch $@

$(SAGEMAKER_ENVIRONMENT): requirements/sagemaker.txt
	@requirements/install .venv-sagemaker $<
	@touch $@

# Only when the template has changed. What is not checked, and why, is said beside the resource.
$(CHECKED): $(CHECKOV_ENVIRONMENT) template.yaml
	@.venv-checkov/bin/checkov --file template.yaml --framework cloudformation --skip-download \
		--skip-results-upload --quiet --compact
	@touch $@

$(ARTIFACT): $(ENVIRONMENT) template.yaml samconfig.toml $(shell find functions -type f -not -name '*.pyc')
	@echo "Building the functions ..."
	@mkdir -p .aws-sam
	@PATH="$(CURDIR)/$(BIN):$$PATH" sam build >$(BUILD_LOG) 2>&1 || { grep -v '^$$' $(BUILD_LOG) | tail -n 3 >&2; \
		echo "Could not build the functions: see $(BUILD_LOG). The first build needs a package index." >&2; exit 1; }
	@touch $@
