# The front door: each target is one meson, ninja or script call, and installs what it needs first.
#
# PYTEST_ARGS="-k ready -x"  more arguments for pytest (test)
# PREFIX=/opt/pawl           where `make install` puts things; DESTDIR works too
# FUZZ_SECONDS=600           how long each fuzz target runs (fuzz)
# MAJORS="13 17"             the versions of PostgreSQL to test with (test-matrix)
# FUZZ_JOBS=2                how many of them run side by side (fuzz)
# PROBE_CASES=5000 PROBE_SEED=x  how many random cases, and which (test-probe)
# RECIPE_WRITES=100000       how many writes each recipe stands (test-recipes)
# FAULTS_EVERY=10            take every tenth message only (test-faults): all of them take hours

PREFIX ?= /usr/local
FUZZ_SECONDS ?= 60
PROBE_CASES ?= 5000
PROBE_SEED ?= pawl
FUZZ_JOBS ?= 1
RECIPE_WRITES ?= 100000
PYTHON := /usr/bin/python3

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: setup setup-build setup-fuzz setup-lint setup-format setup-coverage setup-matrix setup-clients \
	release demo test test-clients test-compat test-facts test-faults test-probe test-matrix test-recipes \
	bench bench-backfill fuzz coverage tsan lint format docs install help

setup: ## install the Debian packages for building and testing
	@scripts/setup.sh build test

setup-build setup-fuzz setup-lint setup-format setup-coverage setup-matrix setup-clients: setup-%:
	@scripts/setup.sh $*

demo: release ## build pawl and watch it take a small database from schema to schema
	@scripts/demo.sh $(CURDIR)/build/release/src/pawl

test: build/asan/build.ninja ## build with sanitizers and run every test
	ninja -C build/asan
	@scripts/clients.sh
	@scripts/test.sh build/asan $(PYTEST_ARGS)

test-clients: build/asan/build.ninja setup-clients ## run the recipes of docs/releases.md that take a JDK or Go
	ninja -C build/asan
	PAWL_BIN=$(CURDIR)/build/asan/src/pawl $(PYTHON) -m pytest -q tests/clients.py

test-faults: build/asan/build.ninja ## every message lost, every point killed, every allocation failed
	ninja -C build/asan
	PAWL_TEST_FULL=1 PAWL_TEST_EVERY=$(FAULTS_EVERY) PAWL_BIN=$(CURDIR)/build/asan/src/pawl \
		$(PYTHON) -m pytest -q -n 2 \
		tests/test_faults.py tests/test_kill.py tests/test_lost_connection.py tests/test_out_of_memory.py

test-facts: build/asan/build.ninja ## what is told of statements against what the server does, every change
	ninja -C build/asan
	PAWL_TEST_FULL=1 PAWL_BIN=$(CURDIR)/build/asan/src/pawl \
		$(PYTHON) -m pytest -q -n 2 tests/test_facts.py tests/test_old_code.py

test-probe: build/asan/build.ninja ## what pawl probe says against what the server does, PROBE_CASES random cases
	ninja -C build/asan
	PROBE_CASES=$(PROBE_CASES) PROBE_SEED=$(PROBE_SEED) PAWL_BIN=$(CURDIR)/build/asan/src/pawl \
		$(PYTHON) -m pytest -q -n 2 tests/test_probe_property.py

test-matrix: build/asan/build.ninja setup-matrix ## test with PostgreSQL 13 to 18, or the MAJORS named
	ninja -C build/asan
	@MAJORS="$(MAJORS)" scripts/matrix.sh build/asan $(PYTEST_ARGS)

test-recipes: build/asan/build.ninja ## each recipe under RECIPE_WRITES writes of two releases
	ninja -C build/asan
	RECIPE_WRITES=$(RECIPE_WRITES) PAWL_BIN=$(CURDIR)/build/asan/src/pawl $(PYTHON) -m pytest -q -n 2 \
		tests/test_recipes.py

test-compat: build/asan/build.ninja ## what pawl compat says of each change and statement of a table against what happens
	ninja -C build/asan
	PAWL_TEST_FULL=1 PAWL_BIN=$(CURDIR)/build/asan/src/pawl $(PYTHON) -m pytest -q -n 2 tests/test_compat.py

bench: setup release ## print how fast pawl is, as ratios against a limit of the same run
	@scripts/bench.sh $(CURDIR)/build/release/src/pawl

bench-backfill: setup release ## kill a backfill of 5 million rows under load, and print what the load felt
	@scripts/bench.sh $(CURDIR)/build/release/src/pawl bench/backfill.py

fuzz: build/fuzz/build.ninja ## run each fuzz target for FUZZ_SECONDS
	ninja -C build/fuzz
	@scripts/fuzz.sh build/fuzz $(FUZZ_SECONDS) $(FUZZ_JOBS)

coverage: build/coverage/build.ninja setup-coverage ## print what share of each source file the tests reach
	ninja -C build/coverage
	@scripts/coverage.sh build/coverage $(PYTEST_ARGS)

tsan: build/tsan/build.ninja ## run what is concurrent with ThreadSanitizer
	ninja -C build/tsan
	@scripts/tsan.sh build/tsan $(PYTEST_ARGS)

lint: setup-lint ## check format, floors, size and what cppcheck finds
	@scripts/lint.sh

format: setup-format ## format every C file
	@scripts/format.sh

docs: build/asan/build.ninja ## write what the program says of itself into the docs
	ninja -C build/asan
	@scripts/docs.py $(CURDIR)/build/asan/src/pawl

install: release ## install program, man pages, completion, library and header below PREFIX
	meson configure build/release -Dprefix=$(PREFIX)
	meson install -C build/release

help: ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 21

release: build/release/build.ninja
	ninja -C build/release

build/release/build.ninja: | setup-build
	meson setup build/release --buildtype=release -Db_lto=true

build/asan/build.ninja: | setup
	meson setup build/asan -Db_sanitize=address,undefined -Db_lundef=false -Dfaults=true

build/fuzz/build.ninja: | setup-build setup-fuzz
	CC=clang meson setup build/fuzz -Db_sanitize=address,undefined -Db_lundef=false -Dfuzz=true \
		-Dwerror=false

build/coverage/build.ninja: | setup
	meson setup build/coverage --buildtype=debug -Db_coverage=true -Dfaults=true -Dwerror=false

build/tsan/build.ninja: | setup
	meson setup build/tsan -Db_sanitize=thread -Db_lundef=false -Dfaults=true -Dwerror=false
