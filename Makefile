# The one way in: `make help`. Everything here calls a script in tools/, which can be run by itself, too.
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
.PHONY: help setup demo demo-clean test lint unit browser integration app sanity molecule drills docs bench-modules lock clean

# A failing step ends with this line.
repeat = AIDIS_REPEAT='make $@'
SCENARIO ?= default

help: ## List the targets
	@tools/help $(MAKEFILE_LIST)

demo: setup ## Deploy to a bare machine in a container, and tell what runs there
	@tools/demo

demo-clean: setup ## Remove the demo's container
	@tools/demo_clean

test: setup ## Everything that CI runs, with a table of how long each part took
	@tools/test

lint: setup ## Check all files: YAML, Python, types, shell, Ansible
	@tools/lint

unit: setup ## Test the modules' logic, templates and argument specs
	@$(repeat) tools/step "Run the unit tests" tools/unit

browser: setup ## Look at the reports and at the console page in a browser (pictures: .cache/browser/pictures)
	@$(repeat) tools/step "Look at the pages in a browser" tools/browser

integration: setup ## Test the modules against a real PostgreSQL
	@$(repeat) tools/step "Run the integration tests" tools/integration

app: setup ## Run the reference application's own tests (ARGS=--versions: each of its versions, too)
	@$(repeat) tools/step "Test the reference application" tools/app $(ARGS)

sanity: setup ## Run ansible-test's sanity checks
	@$(repeat) tools/step "Run ansible-test's sanity checks" tools/sanity

molecule: setup ## Run a scenario from bare containers to none: SCENARIO=default (AIDIS_STRATEGY=mitogen: as CI does some)
	@AIDIS_STRATEGY=$(AIDIS_STRATEGY) AIDIS_REPEAT='make molecule SCENARIO=$(SCENARIO)$(if $(AIDIS_STRATEGY), AIDIS_STRATEGY=$(AIDIS_STRATEGY))' tools/step "Run the scenario $(SCENARIO)" tools/molecule $(SCENARIO)

drills: setup ## Break a deployment in every way, with a client that writes through it (ARGS='-m fast': what CI runs)
	@AIDIS_STRATEGY=$(AIDIS_STRATEGY) AIDIS_REPEAT='make drills$(if $(ARGS), ARGS="$(ARGS)")$(if $(AIDIS_STRATEGY), AIDIS_STRATEGY=$(AIDIS_STRATEGY))' tools/step "Run the drills" tools/drills $(ARGS)

docs: setup ## Build the documentation as HTML, in .cache/docs/html
	@$(repeat) tools/step "Build the documentation" tools/docs

bench-modules: setup ## Measure schema_verify beside what one would run instead, and write the page of results
	@$(repeat) tools/step "Measure the modules" tools/bench_modules

setup: ## Make or renew the Python environment and the collections (PYTHON=, COLLECTIONS=galaxy)
	@tools/setup

lock: setup ## Renew the hashed locks from requirements/*.in (UPGRADE=1: to the newest releases)
	@tools/lock $(if $(UPGRADE),--upgrade)

clean: ## Remove what was made in this tree; what is kept between clones stays
	@rm -rf .venv .ansible .cache tests/output
