# The commands that people type. Each sets up what it needs; a second time that downloads nothing.

SHELL := /bin/bash
.DEFAULT_GOAL := help

# `make run MODELS=none` listens with what is in the box.
MODELS ?= auto

# A recipe that fails leaves nothing behind that looks done.
.DELETE_ON_ERROR:

.PHONY: help
help:
	@echo 'make demo    hear Pipit answer recordings: no sound card and no account needed'
	@echo 'make run     talk to it: microphone and speaker of this machine (MODELS=none downloads nothing)'
	@echo 'make test    everything that is checked before a change lands'
	@echo 'make test-panel   of that, the panel in a browser alone'
	@echo 'make test-api     schemathesis against the APIs of the real daemon'
	@echo 'make package        the Debian packages, for amd64, arm64 and armhf (ARCHITECTURES=amd64 for that alone; root for the others)'
	@echo 'make test-package   whether they install and answer on a clean Debian 12 (root)'
	@echo 'make test-processors   whether those for arm64 and armhf do what the one for amd64 does (root, qemu)'
	@echo 'make ui      the panel as browsers load it (the others call it)'
	@echo 'make bench   the figures of docs/BENCHMARKS.md, measured on this machine'
	@echo 'make bench-start   how long the packaged daemon takes to start, with the recogniser in the box and one of the size of base, and how large the packages are'
	@echo 'make bench-stt   those of Whisper: its two engines beside each other, and CTranslate2 (2 GB of disk)'
	@echo 'make bench-turns   those of turn-taking: when it answers, and how it is interrupted'
	@echo 'make bench-panel   those of the panel: a thousand sockets, and speaking in a browser'
	@echo 'make bench-store   those of the store (a million messages, 1 GB of disk for a while, 500 times kill -9), the chat engine, and speech over HTTP'
	@echo 'make bench-requests   those of the panel under 500 requests a second, beside speech (wrk; three minutes)'
	@echo 'make bench-display   what it costs to draw what a display shows'
	@echo 'make bench-power-cut   what is left after 300 power cuts (root; half an hour)'
	@echo 'make bench-soak   whether memory, handles and timers hold out over 24 hours of speech, faster than they pass (mosquitto)'
	@echo 'make test-home-assistant   whether Home Assistant itself finds Pipit and commands it (root, mosquitto; 1 GB the first time)'
	@echo 'make check-yocto   what can be known of the image in yocto/ without building it'
	@echo 'make bench-watchdog  how soon a thread that stands still is noticed, and Pipit is ready again (ten minutes)'
	@echo 'make bench-mqtt   those of the MQTT connection: a broker that is restarted, and killed a hundred times (five minutes)'

.PHONY: setup
setup:
	@firmware-host/setup.sh run

.PHONY: demo
demo: setup ui
	@cargo build --release --locked --bin pipit
	@firmware-host/demo/demo.sh

.PHONY: run
run: setup ui
	@cargo build --release --locked --bin pipit
	@[ "$(MODELS)" = none ] || cargo run --quiet --release --bin pipit -- models pull --recommended
	@cargo run --quiet --release --bin pipit -- run

.PHONY: test
test:
	@firmware-host/setup.sh test
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	PIPIT_TEST_PYTHON=$$(firmware-host/test-python.sh openai==3.57.0) cargo nextest run --workspace --locked
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --locked --document-private-items
	@$(MAKE) --no-print-directory test-panel

PANEL := web-admin/ui
PANEL_BUILT := $(PANEL)/dist/index.html.br
PANEL_INSTALLED := $(PANEL)/node_modules/.package-lock.json

.PHONY: ui
ui: $(PANEL_BUILT)

$(PANEL_BUILT): $(shell find $(PANEL)/src $(PANEL)/public -type f) $(PANEL)/index.html $(PANEL)/pack.mjs \
		$(PANEL)/tsconfig.json $(PANEL)/vite.config.ts $(PANEL_INSTALLED)
	@cd $(PANEL) && npm run --silent build

$(PANEL_INSTALLED): $(PANEL)/package.json $(PANEL)/package-lock.json
	@firmware-host/setup.sh
	@cd $(PANEL) && npm ci --silent --no-audit --no-fund
	@touch $@

.PHONY: test-panel
test-panel: ui
	@firmware-host/setup.sh test
	cargo build --quiet --locked --bin pipit
	cd $(PANEL) && npm test --silent

.PHONY: test-api
test-api:
	@firmware-host/setup.sh test
	@firmware-host/test-api.sh

.PHONY: bench
bench:
	@firmware-host/setup.sh test
	@firmware-host/bench.sh
	@models/eval/bench.sh

.PHONY: bench-stt
bench-stt:
	@firmware-host/setup.sh test
	@models/eval/bench-stt.sh $(MODELS)

.PHONY: bench-turns
bench-turns:
	@firmware-host/setup.sh test
	@firmware-host/bench-turns.sh

.PHONY: bench-panel
bench-panel: ui
	@firmware-host/setup.sh test
	@cargo build --quiet --release --locked --bin pipit
	@cargo build --quiet --release --locked -p pipit-web --example sockets
	@built="$$(realpath "$${CARGO_TARGET_DIR:-target}/release")" && "$$built/examples/sockets" "$$built/pipit" && \
		cd $(PANEL) && PIPIT_BINARY="$$built/pipit" node bench/voice.mjs

.PHONY: bench-store
bench-store:
	@firmware-host/setup.sh test
	@models/eval/bench-store.sh

.PHONY: bench-requests
bench-requests:
	@firmware-host/setup.sh test
	@firmware-host/bench-requests.sh

.PHONY: bench-display
bench-display:
	@firmware-host/setup.sh
	@cargo run --quiet --release --locked -p pipit --example faces

.PHONY: test-home-assistant
test-home-assistant:
	@firmware-host/setup.sh test
	@firmware-host/tests/home_assistant/run.sh

.PHONY: bench-mqtt
bench-mqtt:
	@firmware-host/setup.sh test
	@cargo build --quiet --release --locked --bin pipit-eval
	@"$${CARGO_TARGET_DIR:-target}/release/pipit-eval" mqtt

.PHONY: check-yocto
check-yocto:
	@yocto/check.sh

.PHONY: bench-watchdog
bench-watchdog:
	@firmware-host/setup.sh test
	@cargo test --quiet --locked -p pipit --test service -- --exact each_thread_frozen_in_turn --ignored --nocapture

.PHONY: bench-power-cut
bench-power-cut:
	@firmware-host/setup.sh test
	@cargo build --quiet --release --locked --bin pipit --bin pipit-eval
	@"$${CARGO_TARGET_DIR:-target}/release/pipit-eval" power-cut

.PHONY: bench-soak
bench-soak:
	@firmware-host/setup.sh test
	@cargo build --quiet --release --locked --bin pipit-eval
	@# As systemd/pipit.service has it.
	@MALLOC_ARENA_MAX=2 "$${CARGO_TARGET_DIR:-target}/release/pipit-eval" soak

ARCHITECTURES ?= amd64 arm64 armhf

.PHONY: package
package: setup ui
	@packaging/package.sh $(ARCHITECTURES)

.PHONY: test-package
test-package:
	@packaging/test-package.sh

.PHONY: test-processors
test-processors:
	@packaging/test-processors.sh

.PHONY: bench-start
bench-start:
	@cargo build --quiet --release --locked -p pipit-eval
	@built="$$(realpath "$${CARGO_TARGET_DIR:-target}/release")" && "$$built/pipit-eval" stand-in base.en "$$built/stand-in-base.en.bin" && \
		packaging/bench-start.sh pipit-nano-en "$$built/stand-in-base.en.bin"
