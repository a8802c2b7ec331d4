# The doors for people and machines. Every target that needs the environment sets it up itself.
PYTHON := .venv/bin/python
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint docs tree clean

help: ## print this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1|/' | \
		while IFS='|' read -r name text; do printf '  make %-7s %s\n' "$$name" "$$text"; done

setup: ## install what is missing: Debian packages, .venv, the autoheal command
	@tools/setup

demo: setup ## break a small production, heal it, learn, heal it cheaper (ARGS=--keep leaves it up)
	@.venv/bin/autoheal demo $(ARGS)

test: lint ## lint, types, contracts, then every test
	@$(PYTHON) -m pytest -m "not e2e" -n 4 --dist worksteal $(ARGS)
	@$(PYTHON) -m pytest -m e2e $(ARGS)

lint: setup ## style, types, import contracts, unused code and dependencies
	@tools/lint

docs: setup ## write the generated pages and the tree in AGENTS.md
	@$(PYTHON) tools/docs.py

tree: setup ## print the map of the source
	@$(PYTHON) tools/docs.py --tree

clean: ## remove the environment and every cache
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
