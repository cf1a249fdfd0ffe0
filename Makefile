# What people do with this repository. `make help` lists it.
# Go is all that is needed to build and run the connector; the tests on AWS need
# Node.js and Python, too. What else is fetched stays in .cache/.

GO    ?= go
CACHE := $(CURDIR)/.cache
LINT  := $(GO) tool -modfile=tools/go.mod golangci-lint

export GOLANGCI_LINT_CACHE := $(CACHE)/golangci-lint
# Builds do not depend on git: a checkout of another user's, or an archive
# without one, works as well.
export GOFLAGS := $(filter-out -buildvcs%,$(GOFLAGS)) -buildvcs=false
# Where there is no home folder, Go's caches live here too.
export HOME := $(or $(HOME),$(CACHE)/home)

# jsii, which the CDK stands on, races in its own Close: infra is tested without
# the race detector, and so is what deploys it.
RACELESS := /(infra|test/e2e)(/|$$)
RACED     = $(shell $(GO) list ./... | grep -vE '$(RACELESS)')
UNRACED   = $(shell $(GO) list ./... | grep -E '$(RACELESS)')
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION := 1

N        ?= 10000
FUZZTIME ?= 10s
BENCH    ?=

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## read a made-up workspace, kill it in the middle, go on, lose nothing
	@$(GO) run ./cmd/connector demo

.PHONY: build
build: ## build the connector into dist/
	$(GO) build -trimpath -o dist/connector ./cmd/connector

.PHONY: setup
setup: ## fetch what the tests on AWS need: an emulator, the CDK's command, cfn-lint
	@tools/setup

.PHONY: test
test: export INTERCOM_CONNECTOR_EMULATOR := required
test: setup ## every test
	$(GO) vet ./...
	$(GO) test -race -timeout 20m $(RACED)
	$(GO) test -timeout 20m $(UNRACED)
	$(GO) -C tools vet ./...
	$(GO) -C tools test ./...

.PHONY: functions
functions: ## build the functions into dist/, as cdk deploy does
	$(GO) run ./infra/build

.PHONY: lint
lint: ## the linters, at the versions of tools/go.mod
	$(LINT) run ./...
	cd tools && $(GO) tool golangci-lint run --config ../.golangci.yml ./...

.PHONY: format
format: ## rewrite the sources as the formatters want them
	$(LINT) fmt
	cd tools && $(GO) tool golangci-lint fmt --config ../.golangci.yml

.PHONY: generate
generate: ## write the generated files again
	$(GO) generate ./...

.PHONY: bench
bench: setup ## speed and memory against two yardsticks; BENCH="-million=false" for the short one
	$(GO) run ./bench $(BENCH)
	$(GO) run ./bench/functions

.PHONY: simulate
simulate: ## N histories of days with faults and crashes: make simulate N=100000
	$(GO) test ./internal/simulation -count=1 -timeout 0 -v -args -seeds=$(N)

.PHONY: fuzz
fuzz: ## every fuzz test for FUZZTIME
	GO="$(GO)" FUZZTIME="$(FUZZTIME)" .ci/fuzz

.PHONY: ci
ci: ## what continuous integration runs
	.ci/run

.PHONY: clean
clean: ## remove what was built and fetched
	rm -rf dist .cache
