# make            build/postern, the program (-O2 -g, hardened; warnings are errors)
# make SANITIZE=1 the same with address and undefined-behaviour sanitizers, in build/asan
# make SANITIZE=thread   with the thread sanitizer, in build/tsan
# make COVERAGE=1 instrumented for gcov, in build/cov
# make coverage   runs make check so instrumented and prints what was reached
# make check      builds and runs the unit and dialogue tests of the chosen variant
# make fuzz       builds the fuzz targets with clang, in build/fuzz
# make tidy       clang-tidy and cppcheck
# make format     clang-format on every file; format-check only looks
# make install    DESTDIR= PREFIX=/usr/local
#
# Every .c under src/ and protocols/ is part of the program; every tests/unit/test_*.c is a test
# program of its own; every tests/fuzz/fuzz_*.c a fuzz target. No list is kept by hand.

CC ?= gcc
PREFIX ?= /usr/local
DESTDIR ?=
PKGS := gnutls libuv libconfig sqlite3 zlib libcurl
VERSION := 0.1.0

WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion \
  -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wformat-signedness -Wundef -Wvla \
  -Wcast-qual -Wcast-align=strict -Wwrite-strings -Wswitch-enum -Wimplicit-fallthrough \
  -Wnull-dereference -Wduplicated-cond -Wlogical-op -Wdouble-promotion -Wunused-macros -Werror

CPPFLAGS += -Isrc -I. -D_GNU_SOURCE -DPOSTERN_VERSION='"$(VERSION)"' \
  $(shell pkg-config --cflags $(PKGS))
CFLAGS += -std=gnu17 -g $(WARNINGS)
# libunbound has no usable .pc file on Debian 12: it asks for one of libevent, which it does not need.
LDLIBS += $(shell pkg-config --libs $(PKGS)) -lunbound -lpthread
HARDENING := -O2 -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
HARDENING_LD := -pie -Wl,-z,relro,-z,now

ifeq ($(SANITIZE),1)
BUILD := build/asan
CFLAGS += -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer \
  -Wno-null-dereference
LDFLAGS += -fsanitize=address,undefined
else ifeq ($(SANITIZE),thread)
BUILD := build/tsan
CFLAGS += -O1 -fsanitize=thread -fno-omit-frame-pointer -Wno-null-dereference
LDFLAGS += -fsanitize=thread
else ifeq ($(COVERAGE),1)
BUILD := build/cov
CFLAGS += -O0 --coverage -Wno-null-dereference
LDFLAGS += --coverage
else
BUILD := build
CFLAGS += $(HARDENING)
LDFLAGS += $(HARDENING_LD)
endif

SOURCES := $(shell find src protocols -name '*.c' | sort)
OBJECTS := $(SOURCES:%.c=$(BUILD)/obj/%.o)
MAIN_OBJECT := $(BUILD)/obj/src/main.o
LIBRARY := $(BUILD)/libpostern.a
SUPPORT := $(patsubst %.c,$(BUILD)/obj/%.o,\
  $(shell find tests/fake tests/sim tests/dialogue -name '*.c' 2>/dev/null | sort))
UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(sort $(wildcard tests/unit/test_*.c)))
LOOSE_PROGRAMS := $(patsubst tests/%.c,$(BUILD)/tests/%,\
  $(sort $(wildcard tests/crash/*.c tests/clients/*.c tests/simulate/*.c)))

all: $(BUILD)/postern

$(BUILD)/postern: $(MAIN_OBJECT) $(LIBRARY)
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# The flags a file was built with are a prerequisite, so a change of flags rebuilds.
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(CPPFLAGS) $(CFLAGS)' | cmp -s - $@ || echo '$(CC) $(CPPFLAGS) $(CFLAGS)' > $@

$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# The list of objects is a prerequisite too: a deleted file leaves the library.
$(BUILD)/objects: FORCE
	@mkdir -p $(@D)
	@echo '$(OBJECTS)' | cmp -s - $@ || echo '$(OBJECTS)' > $@

$(LIBRARY): $(filter-out $(MAIN_OBJECT),$(OBJECTS)) $(BUILD)/objects
	@rm -f $@
	$(AR) rcs $@ $(filter %.o,$^)

$(BUILD)/tests/%: $(BUILD)/obj/tests/unit/%.o $(SUPPORT) $(LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/tests/crash/% : $(BUILD)/obj/tests/crash/%.o $(SUPPORT) $(LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/tests/clients/% : $(BUILD)/obj/tests/clients/%.o $(SUPPORT) $(LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/tests/simulate/% : $(BUILD)/obj/tests/simulate/%.o $(SUPPORT) $(LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# The upgrade alone instrumented, and its tests linked with it before the library: seconds where
# COVERAGE=1 builds everything. scripts/coverage --upgrade runs them.
UPGRADE_BUILD := build/cov-upgrade
UPGRADE_OBJECT := $(UPGRADE_BUILD)/obj/src/net/upgrade.o
UPGRADE_TESTS := test_net_upgrade test_net_handshake test_upgrade_cuts

$(UPGRADE_OBJECT): src/net/upgrade.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(filter-out -O2 -D_FORTIFY_SOURCE=2,$(CFLAGS)) -O0 --coverage \
	  -Wno-null-dereference -MMD -MP -c -o $@ $<

$(UPGRADE_BUILD)/tests/%: $(BUILD)/obj/tests/unit/%.o $(UPGRADE_OBJECT) $(SUPPORT) $(LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) --coverage -o $@ $^ $(LDLIBS)

upgrade-tests: $(UPGRADE_TESTS:%=$(UPGRADE_BUILD)/tests/%)

# A test whose file was deleted must not run any more.
STALE_TESTS = $(filter-out $(UNIT_TESTS),$(wildcard $(BUILD)/tests/test_*))

tests: $(UNIT_TESTS) $(LOOSE_PROGRAMS)
	$(if $(STALE_TESTS),rm -f $(STALE_TESTS))

# The store under each fault, with a dozen power cuts behind each: half an hour.
faults: $(BUILD)/tests/test_store_faults
	FAULTS_SEEDS=12 FAULTS_SYNC_SEEDS=40 $<

check: all tests
	scripts/run-unit-tests $(BUILD)/tests

# Fuzz targets: clang, its own objects.
FUZZ_BUILD := build/fuzz
FUZZ_FLAGS := -std=gnu17 -g -O1 -fsanitize=address,undefined,fuzzer-no-link \
  -fno-sanitize-recover=all -DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
FUZZ_OBJECTS := $(patsubst %.c,$(FUZZ_BUILD)/obj/%.o,$(filter-out src/main.c,$(SOURCES)) \
  $(shell find tests/fake tests/sim tests/dialogue -name '*.c' 2>/dev/null | sort))
FUZZ_TARGETS := $(patsubst tests/fuzz/%.c,$(FUZZ_BUILD)/%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))

fuzz: $(FUZZ_TARGETS)

$(FUZZ_BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CPPFLAGS) $(FUZZ_FLAGS)' | cmp -s - $@ || echo '$(CPPFLAGS) $(FUZZ_FLAGS)' > $@

$(FUZZ_BUILD)/objects: FORCE
	@mkdir -p $(@D)
	@echo '$(FUZZ_OBJECTS)' | cmp -s - $@ || echo '$(FUZZ_OBJECTS)' > $@

$(FUZZ_BUILD)/obj/%.o: %.c $(FUZZ_BUILD)/flags
	@mkdir -p $(@D)
	clang $(CPPFLAGS) $(FUZZ_FLAGS) -MMD -MP -c -o $@ $<

$(FUZZ_BUILD)/libpostern.a: $(FUZZ_OBJECTS) $(FUZZ_BUILD)/objects
	@rm -f $@
	$(AR) rcs $@ $(filter %.o,$^)

$(FUZZ_BUILD)/fuzz_%: $(FUZZ_BUILD)/obj/tests/fuzz/fuzz_%.o $(FUZZ_BUILD)/libpostern.a
	clang $(FUZZ_FLAGS) -fsanitize=fuzzer -o $@ $^ $(LDLIBS)

FORMATTED := $(shell find src protocols tests -name '*.[ch]' 2>/dev/null | sort)

format:
	clang-format -i $(FORMATTED)

format-check:
	clang-format --dry-run -Werror $(FORMATTED)

# 200,000 messages through chains of servers, with faults: some minutes.
simulate: $(BUILD)/tests/simulate/simulate
	scripts/simulate

coverage:
	scripts/coverage

tidy:
	scripts/run-tidy

compile_commands.json: FORCE
	scripts/compile-commands > $@

install: all
	install -d $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/share/man/man1 \
	  $(DESTDIR)$(PREFIX)/share/man/man5 $(DESTDIR)$(PREFIX)/lib/systemd/system \
	  $(DESTDIR)$(PREFIX)/share/doc/postern
	install -m 755 $(BUILD)/postern $(DESTDIR)$(PREFIX)/sbin/postern
	install -m 644 docs/man/postern.1 $(DESTDIR)$(PREFIX)/share/man/man1/
	install -m 644 docs/man/postern.conf.5 $(DESTDIR)$(PREFIX)/share/man/man5/
	sed 's|@PREFIX@|$(PREFIX)|' conf/postern.service.in > $(BUILD)/postern.service
	install -m 644 $(BUILD)/postern.service $(DESTDIR)$(PREFIX)/lib/systemd/system/
	install -m 644 conf/*.conf $(DESTDIR)$(PREFIX)/share/doc/postern/

clean:
	rm -rf build

FORCE:
.PHONY: all tests upgrade-tests check faults fuzz format format-check tidy simulate coverage install clean FORCE
.SECONDARY:

-include $(OBJECTS:.o=.d) $(UPGRADE_OBJECT:.o=.d) $(SUPPORT:.o=.d) $(wildcard $(BUILD)/obj/tests/*/*.d) \
  $(FUZZ_OBJECTS:.o=.d) $(wildcard $(FUZZ_BUILD)/obj/tests/fuzz/*.d)
