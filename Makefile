# Thin on purpose: scripts/bootstrap.py does the work, so that paths with spaces and any folder are safe.
PYTHON ?= python3
# make itself splits names at spaces: the folder is taken by the shell (make -C and plain make both run in it).
STEP = "$(PYTHON)" scripts/bootstrap.py

export PORT ONCE DATABASE_URL CHROMIUM

.DEFAULT_GOAL := help
.PHONY: help demo test nightly check bench mission lock setup clean

help:    ; @$(STEP) help
demo:    ; @$(STEP) demo
test:    ; @$(STEP) test $(ARGS)
nightly: ; @$(STEP) nightly $(ARGS)
check:   ; @$(STEP) check
bench:   ; @$(STEP) bench $(ARGS)
mission: ; @$(STEP) mission $(ARGS)
lock:    ; @$(STEP) lock
setup:   ; @$(STEP) setup
clean:   ; @$(STEP) clean
