# Two commands matter: `make run` and `make test`. Each sets up what it needs; `make help` lists the rest.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
KERNEL := $(wildcard sentinel/detectors/kernel/*.[ch])

.DEFAULT_GOAL := help
.PHONY: help install run test test-peers check format proto docs bench clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

$(STAMP): pyproject.toml hatch_build.py $(KERNEL)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@

install: $(STAMP)  ## the environment in .venv, everything the other targets need

run: $(STAMP)  ## sidecar, store and stand-in model, a set of conversations through them; stays up
	$(BIN)/sentinel demo

test: $(STAMP)  ## the tests
	$(BIN)/python -m pytest -m 'not peers and not torch' --numprocesses 2 --dist loadfile

test-peers: $(STAMP)  ## the tests against real third-party servers and clients
	$(BIN)/python -m pytest -m peers

check: $(STAMP)  ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/clang-format --dry-run --Werror $(KERNEL)
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP)  ## rewrite the code in the house's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/clang-format -i $(KERNEL)

proto: $(STAMP)  ## generate sentinel/pb from proto/
	$(BIN)/python proto/generate.py

docs: $(STAMP)  ## the generated parts of the README
	$(BIN)/python docs/build.py

bench: $(STAMP)  ## speed and memory, as ratios within one run; its end says what was not measured (Detoxify without torch), and what that needs
	$(BIN)/python -m bench

clean:  ## remove everything that the targets made
	rm -rf $(VENV) .peers .sentinel dist build bench/out sentinel/detectors/kernel/libkernel.so
