# The one way in: `make help`. Everything here calls a script in tools/, which can be run by itself, too.
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
.PHONY: help setup lock clean

help: ## List the targets
	@tools/help $(MAKEFILE_LIST)

setup: ## Make or renew the Python environment and the collections (PYTHON=, COLLECTIONS=galaxy)
	@tools/setup

lock: setup ## Renew the hashed locks from requirements/*.in (UPGRADE=1: to the newest releases)
	@tools/lock $(if $(UPGRADE),--upgrade)

clean: ## Remove what was made in this tree; what is kept between clones stays
	@rm -rf .venv .ansible .cache tests/output
