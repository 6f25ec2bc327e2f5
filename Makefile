# For people and for .ci/run. Every target works from a fresh clone.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help setup run tour program test torture tidy fuzz bench

# Where rustup and Go's own installer put things; a shell that is no login shell does not look there.
export PATH := $(HOME)/.cargo/bin:$(PATH):/usr/local/go/bin

FUZZ_SECONDS ?= 60
SEEDS ?= 10000
target := $(or $(CARGO_TARGET_DIR),target)

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1@\2/p' $(MAKEFILE_LIST) | awk -F@ '{ printf "%-14s %s\n", $$1, $$2 }'

setup: ## install what building and testing need
	@scripts/setup.sh test

run: program ## build the program, start a server, feed it a captured audit log and ask it questions
	@AUDITWARD=$(abspath $(target))/debug/auditward sh examples/run.sh

tour: program ## show what it knows without a server: detections over a log, policies, a node's files
	@AUDITWARD=$(abspath $(target))/debug/auditward sh examples/tour.sh

# Many minutes faster to build than a release, and fast enough to look at.
program:
	@scripts/setup.sh run
	@cargo build --locked --package auditward

# The longest tests restart API servers of nodes of their own, and mostly wait.
test: setup ## every check and every test
	@cargo xtask tidy
	@RUST_TEST_THREADS=$${RUST_TEST_THREADS:-4} cargo test --workspace --locked --no-fail-fast

torture: ## the tests under a seed, with SEEDS (10000) of them: crashes, torn writes, full and failing disks
	@AUDITWARD_SEEDS=$(SEEDS) cargo test --release --locked --package auditward-journal --test model
	@AUDITWARD_SEEDS=$(SEEDS) cargo test --release --locked --package auditward-store --test life

tidy: ## every check but the tests: format, lints, arrows, docs, generated pages, dependencies
	@cargo xtask tidy

fuzz: ## every fuzz target for FUZZ_SECONDS (60)
	@set -e; for target in fuzz/fuzz_targets/*.rs; do \
		target=$$(basename "$$target" .rs); echo "== $$target"; fuzz/run.sh "$$target" $(FUZZ_SECONDS); done

# All of the workspace, so that each finds built what the one before has.
bench: ## decisions beside kube-apiserver's own evaluator, how fast events are read, matched and kept
	@cargo bench --locked --workspace --bench decide
	@cargo bench --locked --workspace --bench view
	@cargo bench --locked --workspace --bench redact
	@cargo bench --locked --workspace --bench intake
	@cargo bench --locked --workspace --bench agent
	@cargo bench --locked --workspace --bench detect
	@cargo bench --locked --workspace --bench append
	@cargo bench --locked --workspace --bench seal
	@cargo bench --locked --workspace --bench ask
	@cargo bench --locked --workspace --bench serve
