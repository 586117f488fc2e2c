# SPDX-License-Identifier: Apache-2.0

GO   ?= go
TOOL  = $(GO) tool -modfile=scripts/tools.mod

# How long one fuzz target runs under "make fuzz", and the revision that
# "make bench-compare" compares the work tree with.
FUZZTIME ?= 1m
BASE     ?= HEAD

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run build pgo test deps check fix generate bench bench-compare bench-peers load soak fuzz peer clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' Makefile | expand -t 16

run: build ## build, then start the server in the foreground
	./tercet run

build: ## build ./tercet, one static binary (VERSION=... names it)
	CGO_ENABLED=0 $(GO) build -trimpath -pgo=scripts/server.pgo $(if $(VERSION),-ldflags '-X main.version=$(VERSION)') -o tercet .

pgo: build ## profile the server under load, for the compiler (scripts/server.pgo)
	@scripts/pgo.sh scripts/server.pgo

test: ## everything that a merge must pass (as root it installs what is missing)
	@scripts/deps.sh --test
	@status=0; scripts/check.sh || status=1; \
	$(GO) run ./scripts/gotest -race -timeout 15m ./... || status=1; \
	exit $$status

deps: ## install what the tests need (Debian, Ubuntu)
	@scripts/deps.sh

check: ## format, lint, vet, known vulnerabilities, generated files
	@scripts/check.sh

fix: ## format, and repair what the linters can
	$(TOOL) golangci-lint run --fix

generate: ## write generated files anew
	$(GO) generate ./...

bench: build ## benchmarks and load scenarios, with their budgets
	$(GO) test -run '^$$' -bench . -benchmem ./...
	@scripts/load.sh tercet

bench-compare: ## benchmarks here and at BASE=rev, side by side
	@scripts/bench-compare.sh '$(BASE)'

bench-peers: build ## Tercet, prosody and ejabberd under the same load, one table
	@scripts/peers/install.sh
	@scripts/peers/run.sh

load: build ## load scenarios alone
	@scripts/load.sh tercet

soak: build ## 30 minutes of load, with the growth of memory; then the long forms of the tests: hours
	@scripts/soak.sh
	TERCET_SOAK=1 $(GO) run ./scripts/gotest -v -timeout 6h ./...

fuzz: ## each fuzz target for FUZZTIME
	@scripts/fuzz.sh '$(FUZZTIME)'

peer: ## try the interop scripts on Debian's prosody
	@scripts/interop/prosody.sh check

clean: ## remove what was built; data stay
	rm -rf tercet build
