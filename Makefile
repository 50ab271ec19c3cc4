# `make up` serves the functions in registry_in, `make test` runs every test;
# either installs and builds what it needs. `make` alone lists the rest.

# Rust's installer puts cargo where only login shells look, Debian puts nginx
# where only root looks.
export PATH := $(PATH):$(HOME)/.cargo/bin:/usr/sbin
SHELL := /bin/sh
# The same random tests in every run; set it to find others.
export PROPTEST_RNG_SEED ?= 1

TARGET := $(or $(CARGO_TARGET_DIR),target)
DOZE := $(TARGET)/release/doze
DENO := $(CURDIR)/runtime-shim/node_modules/@deno/linux-x64-glibc/deno
SHIM := runtime-shim/dist/boot.js
DASHBOARD := dashboard/dist/index.html
# Functions whose packages come from npm.
PACKAGED := $(dir $(wildcard registry_in/*/package-lock.json registry_in/*/*/package-lock.json))

.PHONY: help up test bench bench-quick soak build dashboard packages tools dashboard-tools \
  test-dashboard check-api check-examples check-tools bench-tools clean

help:
	@echo 'make up           serve the functions in registry_in on port 8000'
	@echo 'make test         run every test'
	@echo 'make dashboard    build what the admin address shows'
	@echo 'make check-api    let Schemathesis look for mistakes in the admin API (needs Python);'
	@echo '                  ARGS="--max-examples 500 --seed 1" are its own'
	@echo 'make bench        measure (30 minutes); SAVE=1 writes docs/benchmarks.md,'
	@echo '                  ONLY="cold warm" measures only these groups'
	@echo 'make bench-quick  measure less (5 minutes)'
	@echo 'make soak         a million requests, ten thousand starts (8 minutes)'
	@echo 'make clean        remove everything that was built or installed here'

up: build dashboard packages
	@.ci/urls registry_in
	@exec $(DOZE) up

# The Rust tests come last, so that the output ends with their summary.
test: packages $(SHIM) test-dashboard
	cd runtime-shim && { [ -t 1 ] || export NO_COLOR=1; } && npm run check && npm test
	cargo test --locked --no-fail-fast

# In a real browser, against the real server.
test-dashboard: tools $(SHIM) $(DASHBOARD)
	@.ci/install-browser
	cargo build --locked --bin doze
	cd dashboard && { [ -t 1 ] || export NO_COLOR=1; } && npm run check && npm test

# Not among the tests, because it needs Python and packages of it.
check-api: tools $(SHIM)
	cargo build --locked --bin doze
	@.ci/check-api $(TARGET)/debug/doze $(TARGET) $(ARGS)

# Not among the tests, because registry_in may hold functions of one's own.
check-examples: packages
	cd registry_in && $(DENO) fmt --check && $(DENO) lint && $(DENO) check */index.ts

bench bench-quick soak: build bench-tools
	@cargo build --release --locked --manifest-path bench/Cargo.toml --target-dir $(TARGET)/bench
	@$(TARGET)/bench/release/doze-bench --doze $(DOZE) --project . \
	  $(if $(filter bench-quick,$@)$(QUICK),--quick) $(if $(SAVE),--save docs/benchmarks.md) \
	  $(addprefix --only ,$(if $(filter soak,$@),soak,$(ONLY)))

build: tools $(SHIM)
	@cargo build --release --locked --bin doze

$(SHIM): runtime-shim/package.json $(shell find runtime-shim/src runtime-shim/lib -name '*.ts') | tools
	@cd runtime-shim && npm run --silent build

dashboard: $(DASHBOARD)

$(DASHBOARD): dashboard/package-lock.json dashboard/build.mjs $(shell find dashboard/src -type f) | dashboard-tools
	@cd dashboard && npm run --silent build

# Installs a folder's packages exactly as its lock file has them, and does
# nothing where that has been done. Files' dates say little after a checkout,
# so the lock file's checksum decides.
define npm_ci
@cd $(1) && sum=$$(cksum <package-lock.json) && \
if [ "$$(cat node_modules/.installed 2>/dev/null)" != "$$sum" ]; then \
  echo 'Installing the packages of $(1)' && \
  npm ci --ignore-scripts --no-audit --no-fund && echo "$$sum" >node_modules/.installed; \
fi

endef

# The pinned Deno and esbuild.
tools: check-tools
	$(call npm_ci,runtime-shim)

dashboard-tools: check-tools
	$(call npm_ci,dashboard)

packages: tools
	$(foreach folder,$(PACKAGED),$(call npm_ci,$(folder)))

check-tools:
	@.ci/check-tools

bench-tools:
	@.ci/install-bench-tools

clean:
	rm -rf $(TARGET) bench/reference/node_modules bench/functions/*/node_modules \
	  runtime-shim/node_modules runtime-shim/dist dashboard/node_modules dashboard/dist \
	  $(PACKAGED:=node_modules)
