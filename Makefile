# SPDX-License-Identifier: GPL-2.0

KERNELDIR ?= /lib/modules/$(shell uname -r)/build
KERNEL ?= 6.1
FUZZ ?= 60
MODULE_ARGS ?=
SEED ?=
T ?=

# Small, so that a walk of the table is fast; and memory that was not written shows.
FUZZ_MODULE = max_flows=4096 $(MODULE_ARGS)
FUZZ_KERNEL = slub_debug=P init_on_alloc=0 page_poison=1

LONG = storm hostile flood million netem topology options verify evict timewaits \
	handshake teardown resets crossing forwarded nat midstream silent parking rules

reader = $(MAKE) -C tools O=$(CURDIR)/build

.PHONY: all tools module run shell check check-long check-unit check-mutants check-fuzz bench bench-quick install modules_install clean help

all: tools module ## the module and the reader

tools: ## the reader, build/tcpstate
	$(reader)

module: ## the module, tcpstate.ko, for KERNELDIR's kernel
	@[ -e $(KERNELDIR)/Makefile ] || { \
		echo "No kernel headers in $(KERNELDIR): apt-get install linux-headers-$$(uname -r)," \
			"or name them with KERNELDIR=, or build the reader alone with make tools" >&2; \
		exit 1; }
	$(MAKE) -C $(KERNELDIR) M=$(CURDIR) modules

run: ## shows the module on real traffic, in a guest (KERNEL=, MODULE_ARGS=)
	@tools/vm/setup
	@tools/vm/vm --kernel $(KERNEL) --module-args "$(MODULE_ARGS)" -- selftests/run.sh

shell: ## a prompt in that guest
	@tools/vm/setup
	@tools/vm/vm --kernel $(KERNEL) --module-args "$(MODULE_ARGS)"

check: ## all tests, or those of T="name..." (KERNEL=, FUZZ=)
	@tools/vm/setup check
	@KERNEL="$(KERNEL)" FUZZ="$(FUZZ)" MODULE_ARGS="$(MODULE_ARGS)" tools/vm/check $(T)

check-long: ## the tests of T, or all that have one, at their full scale: hours (KERNEL=)
	@tools/vm/setup check
	@KERNEL="$(KERNEL)" MODULE_ARGS="$(MODULE_ARGS)" SCALE=long tools/vm/check $(or $(T),$(LONG))

check-unit: ## the pure parts against their vectors
	@$(MAKE) -C selftests O=$(CURDIR)/build/unit check-unit

check-mutants: ## the unit tests against every broken engine (20 minutes)
	@$(MAKE) -C selftests check-mutants

check-fuzz: ## random input for FUZZ seconds, or FUZZ=Nx times: pure parts, netlink (KERNEL=, SEED=)
	@tools/vm/setup check
	@status=0; \
	$(MAKE) -C tools O=$(CURDIR)/build/fuzz check-fuzz FUZZ=$(FUZZ) || status=1; \
	tools/vm/vm --kernel $(KERNEL) --timeout 36000 --module-args "$(FUZZ_MODULE)" \
		--kernel-args "$(FUZZ_KERNEL)" -- env SEED=$(SEED) selftests/netlink-fuzz.sh \
		$(FUZZ) || status=1; \
	exit $$status

bench: ## what it costs against nf_conntrack, ss and /proc/net/tcp: build/bench.json (KERNEL=)
	@tools/vm/setup bench
	@KERNEL="$(KERNEL)" tools/bench

bench-quick: ## instructions, memory, totals and expiry alone, in one guest (KERNEL=)
	@tools/vm/setup
	@KERNEL="$(KERNEL)" tools/bench quick

install: ## the reader and its manual (DESTDIR=, PREFIX=)
	$(reader) install

modules_install: module ## the module
	$(MAKE) -C $(KERNELDIR) M=$(CURDIR) modules_install

clean: ## removes what was built
	rm -rf build
	@[ ! -e $(KERNELDIR)/Makefile ] || $(MAKE) -C $(KERNELDIR) M=$(CURDIR) clean

help: ## this list
	@sed -n 's/^\([a-z_-]*\):.*## \(.*\)/  \1	\2/p' Makefile | expand -t 20
