# Go and make are all one needs; lint also runs shellcheck where it is installed.

GO      ?= go
TOOL     = $(GO) tool -modfile=tools/go.mod
VERSION := $(or $(VERSION),$(shell packaging/version.sh))
LDFLAGS  = -s -w $(if $(VERSION),-X balanced/internal/cli.release=$(VERSION))
# What only makes the binaries larger is left out.
TAGS     = urfave_cli_no_docs
# The race detector needs a C compiler.
RACE     = $(if $(filter 1,$(shell $(GO) env CGO_ENABLED)),-race)
HCL      = scripts/packer/*.hcl scripts/pipeline/*.hcl scripts/terraform/*.tf scripts/cloudwatch/*.tf
SCRIPTS  = $(shell grep -rlE '^\#!/(usr/)?bin/(env )?(ba)?sh' .ci packaging scripts 2>/dev/null)

.PHONY: help build test exhaustive soak crowds mutants rehearse rehearse-proof bench lint demo stage package release repo package-test ways clean
.DEFAULT_GOAL := help

help: ## list what there is to make
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' $(MAKEFILE_LIST) | expand -t 16

build: ## bin/balanced and bin/balanced-lab, static
	CGO_ENABLED=0 $(GO) build -trimpath -tags '$(TAGS)' -ldflags '$(LDFLAGS)' -o bin/ ./cmd/balanced ./cmd/balanced-lab

# The tests reach nothing but this machine. A bundle of certificates in the environment would be read anew for every agent
# they start, which takes half of the time.
GOTEST = env -u AWS_CA_BUNDLE $(GO) test

# Some packages mostly wait, so more of them run at a time than there are cores. Those that take longest begin first: none of
# them is then left alone at the end. Each test binary would sleep for a second before it exits, and memory is cheaper than
# collecting garbage often. What go vet finds, make lint says.
LONGEST = ./cmd/balanced ./internal/rotation ./internal/soak . ./internal/conform ./internal/lock ./internal/lab/page ./cmd/balanced-lab
test: ## all tests, with the race detector; of those that repeat themselves fewer rounds, and no script that takes minutes
	GORACE=atexit_sleep_ms=100 GOGC=400 $(GOTEST) -vet=off $(RACE) -short -shuffle=on -p $$((2 * $$(getconf _NPROCESSORS_ONLN))) $(LONGEST) ./...

exhaustive: ## every round of the tests that repeat themselves, and every script, without the race detector; the tests of tools/
	$(GOTEST) -shuffle=on -timeout 20m ./cmd/balanced $(sort $(dir $(shell grep -rlF 'testing.Short()' --include='*_test.go' ./internal)))
	$(GO) -C tools test ./...

SEEDS = 1000
FROM  = 1
soak: ## seeded fleets in virtual time: SEEDS=n of them, FROM=n on; SEED=n once more; LOCK=1 with --lock; OUTSIDE=1 without a group; HASHES=1 prints a hash of each log
	$(GO) test -c -o bin/soak.test ./internal/soak
	cd internal/soak && ../../bin/soak.test -test.run $(if $(LOCK),TestLockedSeeds,$(if $(OUTSIDE),TestOutside,TestSeeds)) $(if $(SEED),-test.v -seed $(SEED) $(if $(CALLS),-calls),-seeds $(SEEDS) -from $(FROM)) $(if $(HASHES),-hashes)

CROWDS = 1
crowds: ## crowds of 1,000 agents on the buckets of one account: CROWDS=n seeds of them; CROWD=n once more
	$(GO) test ./internal/soak -run TestCrowd -v -timeout 0 -args $(if $(CROWD),-crowd $(CROWD),-large $(CROWDS))

PKG = ./internal/fleet
mutants: ## change PKG=./internal/x in many small ways, and print what no test of it, nor of WITH=./internal/y,..., notices; hours
	$(GO) -C tools build -o ../bin/mutants ./mutants
	bin/mutants -pkg $(PKG) $(if $(WITH),-with $(WITH)) $(if $(ONLY),-only '$(ONLY)')

rehearse: ## every scenario of scripts/rehearsals, with the real binaries
	$(GO) test ./cmd/balanced-lab -run TestScenarios -v -timeout 0 -parallel 4 -args -rehearse

PROOFS = 10
rehearse-proof: ## upgrades under traffic without one request lost, PROOFS=n times each
	$(GO) test ./cmd/balanced-lab -run TestNoRequestIsLost -v -timeout 0 -args -proof $(PROOFS)

bench: build ## what a run costs, written to docs/benchmarks.md; some minutes, on a quiet machine
	$(GO) test ./internal/bench -run '^$$' -bench .
	$(GO) test ./internal/bench -run TestPage -timeout 0 -args -page "$(CURDIR)/docs/benchmarks.md" -balanced "$(CURDIR)/bin/balanced"

lint: ## formatting, go.mod, go vet for three systems, staticcheck, govulncheck, shellcheck
	$(GO) mod tidy -diff
	@$(TOOL) hclfmt -check -require-no-change $(HCL) >/dev/null || { echo "not HCL, or not formatted ($(TOOL) hclfmt -w): $(HCL)"; exit 1; }
	@out=$$($(TOOL) gofumpt -l .) && if [ -n "$$out" ]; then echo "not formatted (gofumpt -w):"; echo "$$out"; exit 1; fi
	$(GO) vet ./...
	GOOS=darwin $(GO) vet ./...
	GOOS=windows $(GO) vet ./...
	$(TOOL) staticcheck ./...
	@# 3: it found something. Anything else is a database that cannot be reached, which is said.
	@out=$$($(TOOL) govulncheck ./... 2>&1); case $$? in 0) echo govulncheck ./... ;; 3) echo "$$out"; exit 1 ;; *) echo "not checked for known vulnerabilities: $$out" ;; esac
	@if command -v shellcheck >/dev/null; then echo shellcheck $(SCRIPTS); shellcheck $(SCRIPTS); else echo "shellcheck is not installed: scripts not checked"; fi

demo: build ## a rollout over four simulated instances, with balanced and without
	bin/balanced-lab demo

stage: ## what the package holds, below DESTDIR=dir; PROGRAM=balanced-lab, ARCH=arm64
	@test -n "$(DESTDIR)" || { echo "stage: DESTDIR=dir is missing"; exit 1; }
	packaging/stage.sh "$(or $(PROGRAM),balanced)" "linux/$(or $(ARCH),$(shell $(GO) env GOARCH))" "$(DESTDIR)"

package: ## DEB and RPM of both, amd64 and arm64, in dist/
	packaging/package.sh

release: package ## that, archives for five platforms, SBOMs and SHA256SUMS; SIGN_KEY=id signs
	packaging/release.sh

repo: package ## the packages as an apt and a yum repository, in dist/repo; SIGN_KEY=id signs
	packaging/repo.sh

package-test: ## install the packages, look into them, and make everything twice
	packaging/test

# The package for this machine; without one, bin/balanced.
BALANCED_DEB ?= $(shell ls -t dist/balanced_*_$$($(GO) env GOARCH).deb 2>/dev/null | head -n 1)
ways: build ## a rollout through each way in; with the balanced of BALANCED_DEB, or of dist/ where one is built
	$(GO) test ./internal/ways -count=1 -parallel 8 -timeout 30m -args -rollouts $(if $(BALANCED_DEB),-deb "$(abspath $(BALANCED_DEB))")

clean: ## what the others made
	rm -rf bin dist
