# Go and make are all one needs; lint also runs shellcheck where it is installed.

GO      ?= go
TOOL     = $(GO) tool -modfile=tools/go.mod
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null)
LDFLAGS  = -s -w $(if $(VERSION),-X balanced/internal/cli.release=$(VERSION))
# The race detector needs a C compiler.
RACE     = $(if $(filter 1,$(shell $(GO) env CGO_ENABLED)),-race)
SCRIPTS  = $(shell grep -rlE '^\#!/(usr/)?bin/(env )?(ba)?sh' .ci scripts 2>/dev/null)

.PHONY: help build test soak lint demo clean
.DEFAULT_GOAL := help

help: ## list what there is to make
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' $(MAKEFILE_LIST) | expand -t 10

build: ## bin/balanced and bin/balanced-lab, static
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/ ./cmd/balanced ./cmd/balanced-lab

test: ## all tests, with the race detector
	$(GO) test $(RACE) -shuffle=on ./...

SEEDS = 1000
soak: ## seeded fleets in virtual time: SEEDS=n of them, or SEED=n once more
	$(GO) test ./internal/soak $(if $(SEED),-run TestSeeds -v -args -seed $(SEED),-timeout 0 -args -seeds $(SEEDS))

lint: ## formatting, go vet, staticcheck, shellcheck
	@out=$$($(TOOL) gofumpt -l .) && if [ -n "$$out" ]; then echo "not formatted (gofumpt -w):"; echo "$$out"; exit 1; fi
	$(GO) vet ./...
	$(TOOL) staticcheck ./...
	@if command -v shellcheck >/dev/null; then echo shellcheck $(SCRIPTS); shellcheck $(SCRIPTS); else echo "shellcheck is not installed: scripts not checked"; fi

demo: build ## a rollout over four simulated instances with the real binary
	bin/balanced-lab demo

clean: ## what the others made
	rm -rf bin dist
