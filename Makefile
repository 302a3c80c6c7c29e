# Every target is one line and calls hack/make.sh; see hack/README.md.
.PHONY: build test demo bench bench-bus soak dockerfiles compare check docs man cross deps clean
.DEFAULT_GOAL := build

build: ; @hack/make.sh build
test: ; @hack/make.sh test
demo: ; @hack/make.sh demo
bench: ; @hack/make.sh bench
bench-bus: ; @hack/make.sh bench-bus
soak: ; @hack/make.sh soak
dockerfiles: ; @hack/make.sh dockerfiles
compare: ; @hack/make.sh compare
check: ; @hack/make.sh check
docs: ; @hack/make.sh docs
man: ; @hack/make.sh man
cross: ; @hack/make.sh cross
deps: ; @hack/make.sh deps
clean: ; @hack/make.sh clean
