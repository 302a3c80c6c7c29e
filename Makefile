# Every target is one line and calls hack/make.sh; see hack/README.md.
.PHONY: build test demo bench bench-bus curves soak fuzz fuzz-short dockerfiles compare check docs docs-check man cross deps clean
.DEFAULT_GOAL := build

build: ; @hack/make.sh build
test: ; @hack/make.sh test
demo: ; @hack/make.sh demo
bench: ; @hack/make.sh bench
bench-bus: ; @hack/make.sh bench-bus
curves: ; @hack/make.sh curves
soak: ; @hack/make.sh soak
fuzz: ; @hack/make.sh fuzz
fuzz-short: ; @hack/make.sh fuzz-short
dockerfiles: ; @hack/make.sh dockerfiles
compare: ; @hack/make.sh compare
check: ; @hack/make.sh check
docs: ; @hack/make.sh docs
docs-check: ; @hack/make.sh docs-check
man: ; @hack/make.sh man
cross: ; @hack/make.sh cross
deps: ; @hack/make.sh deps
clean: ; @hack/make.sh clean
