# A thin front for Meson: what people type. `make help` says what there is.
BUILD ?= build
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 60
# Names of harnesses; none: all
FUZZ ?=
HOURS ?= 8
SIM_SEED ?= 2
SCRIPTS ?= 12000
# of truth
TRUTH ?= $(BUILD)/truth
TRUTH_SEED ?= 1
RUNS ?= 200
# full, quick or smoke
BENCH ?= full
# of compare: the program, folders of scripts, the module's profile, what is defined
PACKETDRILL ?= packetdrill
SUITE ?= tests/script
PROFILE ?= linux
DEFINE ?= STANDARD
# of bench-goodput: controls, paths, share (bench/goodput.py); empty: all
ONLY ?=

.DEFAULT_GOAL := build
.PHONY: build demo check check-long check-interop differ tests-built bench bench-goodput bench-built \
    truth compare install fuzz soak coverage lint format clean help

build:
	@tools/need.sh --only-say build
	@test -f $(BUILD)/build.ninja || meson setup $(BUILD) --prefix $(PREFIX) -Dtests=disabled
	@ninja -C $(BUILD)

demo:
	@tools/need.sh build demo
	@$(MAKE) --no-print-directory build
	@tools/demo.sh $(BUILD)/lastack

check: tests-built
	@meson test -C $(BUILD) --no-rebuild --print-errorlogs

check-interop: tests-built
	@meson test -C $(BUILD) --no-rebuild --print-errorlogs --suite interop-long

differ: tests-built
	@tests/differ/differ.py $(BUILD)/tests/differ/differ-subject --scripts $(SCRIPTS) --all-rows

# `make` builds no tests; the first check configures them in.
tests-built:
	@tools/need.sh build check
	@test -f $(BUILD)/build.ninja || meson setup $(BUILD) --prefix $(PREFIX) -Dtests=enabled
	@test -f $(BUILD)/.tests || meson setup --reconfigure $(BUILD) -Dtests=enabled
	@touch $(BUILD)/.tests
	@ninja -C $(BUILD)

# 10 million simulated connections, within an hour.
check-long: check
	@$(BUILD)/lastack sim --runs 2450000 --seed $(SIM_SEED) --twice 500 --covered

# New captures of the kernel on bad networks, with what it did, and the score on them.
truth: tests-built
	@rm -rf $(TRUTH)
	@tests/explain/truth/make.py $(TRUTH) --runs $(RUNS) --seed $(TRUTH_SEED)
	@python3 tests/explain/score.py $(BUILD)/lastack $(TRUTH) -v

# Where packetdrill with our module and `lastack drill` judge scripts differently.
compare: build
	@tools/packetdrill/compare.py --packetdrill $(PACKETDRILL) --profile $(PROFILE) -D $(DEFINE) \
	    --module $(BUILD)/src/packetdrill/liblastack-packetdrill.so --lastack $(BUILD)/lastack $(SUITE)

bench: bench-built
	@bench/bench.py $(BUILD)/lastack $(BUILD)/bench/bench-load \
	    $$(ls $(BUILD)/bench/bench-lwip 2>/dev/null) --size $(BENCH) --json $(BUILD)/bench.json

bench-goodput: bench-built
	@bench/bench.py $(BUILD)/lastack $(BUILD)/bench/bench-load --size $(BENCH) --part goodput \
	    --only '$(ONLY)' --json $(BUILD)/bench-goodput.json

# The first time, Meson looks again for what need.sh has just installed.
bench-built:
	@tools/need.sh build bench
	@$(MAKE) --no-print-directory build
	@test -f $(BUILD)/.bench || meson setup --reconfigure $(BUILD) >/dev/null
	@touch $(BUILD)/.bench
	@ninja -C $(BUILD)

install: build
	@meson install -C $(BUILD) --no-rebuild
	@test -n "$(DESTDIR)" || test "$$(id -u)" != 0 || ldconfig

fuzz:
	@tools/need.sh build fuzz
	@test -f $(BUILD)-fuzz/build.ninja || CC=clang meson setup $(BUILD)-fuzz -Dfuzz=true \
	    -Db_sanitize=address,undefined -Db_lundef=false
	@ninja -C $(BUILD)-fuzz
	@tools/fuzz.sh $(BUILD)-fuzz $(FUZZ_SECONDS) $(FUZZ)

soak: tests-built
	@tests/soak/soak.py $(BUILD)/lastack $(BUILD)/tests/soak/soak-wire --hours $(HOURS)

coverage:
	@tools/need.sh build check coverage
	@test -f $(BUILD)-coverage/build.ninja || meson setup $(BUILD)-coverage -Db_coverage=true \
	    -Doptimization=1 -Dtests=enabled
	@ninja -C $(BUILD)-coverage
	@tools/coverage.py $(BUILD)-coverage

lint:
	@tools/need.sh build lint
	@$(MAKE) --no-print-directory build
	@tools/lint.sh $(BUILD)

format:
	@clang-format -i $$(git ls-files '*.c')

clean:
	@rm -rf $(BUILD) $(BUILD)-fuzz $(BUILD)-coverage

help:
	@echo 'make                build $(BUILD)/lastack and the library'
	@echo 'make demo           curl through lastack over a bad wire, with the story of every segment'
	@echo 'make check          build and run all tests'
	@echo 'make check-interop  against the kernel, as root: 100 MB each way, 1000 connections'
	@echo 'make differ         as root: SCRIPTS ($(SCRIPTS)) random scripts on lastack and on the kernel'
	@echo 'make truth          as root: RUNS ($(RUNS)) new captures of the kernel, and what explain says of them'
	@echo 'make check-long     check, and 10 million simulated connections of SIM_SEED ($(SIM_SEED))'
	@echo 'make bench          the benchmarks, beside the kernel and lwIP; BENCH=quick: in two minutes'
	@echo 'make bench-goodput  of these, what a sender gets over a bad path; ONLY=cubic,loss1: these rows'
	@echo 'make install        install below PREFIX ($(PREFIX)); DESTDIR is respected'
	@echo 'make fuzz           run each fuzz harness (or FUZZ="live ss") for FUZZ_SECONDS ($(FUZZ_SECONDS))'
	@echo 'make soak           connections for HOURS ($(HOURS)): does anything grow, slow or stay?'
	@echo 'make coverage       which lines the tests reach, by room; $(BUILD)-coverage/coverage/index.html'
	@echo 'make lint           clang-tidy: advice, not a test'
	@echo 'make format         clang-format on every .c file'
	@echo 'make clean          remove $(BUILD), $(BUILD)-fuzz and $(BUILD)-coverage'
	@echo
	@echo 'demo, check, bench, fuzz, soak, coverage and lint install the Debian packages they miss, and say so.'
