# Needs Python 3.11 or newer with venv; everything else is installed or built when first used.
# The same commands without make: .venv/bin/airflow-platform --help

PYTHON ?= $(firstword $(foreach python, python3.12 python3.11 python3.14 python3.13 python3 python, \
	$(shell $(python) -c 'import ensurepip, sys, venv; assert sys.version_info >= (3, 11)' \
	2>/dev/null && echo $(python))))
BIN := .venv/bin
PLATFORM := $(BIN)/airflow-platform
INSTALLED := .venv/installed

.PHONY: help render test e2e e2e-node lint check generate docs tools clean
.DELETE_ON_ERROR:

help:
	@echo 'make render ENV=prod   print the manifests of an environment; values of yours: ARGS="-f mine.yaml"'
	@echo 'make test              run all tests'
	@echo 'make e2e               run the tests that need a Kubernetes API, on one that they start'
	@echo 'make e2e-node          run task pods and real Airflows on a real node beside that API; as root'
	@echo 'make lint              check charts, values, Python and YAML'
	@echo 'make check ENV=prod    check the manifests of an environment, or of all; ARGS as above'
	@echo 'make generate          write dashboards, schema descriptions and docs/values.md anew'
	@echo 'make docs              write the documents as a site into build/site'
	@echo 'make tools             build the tools that tests and checks use'
	@echo 'make clean             remove the virtual environment and what was generated'

render: $(INSTALLED)
	@$(PLATFORM) render $(if $(ENV),$(ENV),$(error Name the environment, for example: make render ENV=prod)) $(ARGS)

# Compiled tests and modules are kept, whatever the environment says: each worker of the tests, and
# each command that they run, would compile them anew.
test: $(INSTALLED) tools
	@PYTHONDONTWRITEBYTECODE= PYTHONPYCACHEPREFIX='$(CURDIR)/.venv/bytecode' \
		$(BIN)/pytest --numprocesses auto --dist loadgroup $(ARGS)

# More workers than there are cores: tests wait for pods. They share a control plane. GOGC is for
# Helm and kubectl, which spend less time on collecting garbage.
e2e: $(INSTALLED)
	@$(PLATFORM) tools helm3 helm4 etcd kube-apiserver kube-controller-manager kube-scheduler kwok kubectl registry helm-controller source-controller >/dev/null
	@RUN_E2E=1 GOGC=400 PYTHONDONTWRITEBYTECODE= PYTHONPYCACHEPREFIX='$(CURDIR)/.venv/bytecode' \
		$(BIN)/pytest --numprocesses 4 --dist loadgroup tests/e2e $(ARGS)

e2e-node: $(INSTALLED)
	@$(PLATFORM) e2e --node $(ENV) $(ARGS)

lint: $(INSTALLED)
	@$(PLATFORM) lint

check: $(INSTALLED)
	@$(PLATFORM) check $(ENV) $(ARGS)

generate: $(INSTALLED)
	@$(PLATFORM) generate $(ARGS)

docs: $(INSTALLED)
	@$(BIN)/mkdocs build --strict --quiet $(ARGS)

# Ahead of the tests, whose output is captured: a tool takes up to four minutes to build. What
# cannot be built here, the tests that need it report.
tools: $(INSTALLED)
	@$(PLATFORM) tools helm3 helm4 helm-unittest kubeconform statsd_exporter promtool query-parser pod-security loki registry otelcol >/dev/null || true

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): pyproject.toml constraints.txt
	@$(if $(PYTHON),,$(error Python 3.11 or newer with venv is needed (on Debian: apt-get install python3-venv). Set PYTHON to it if it is not on PATH))
	@echo 'Installing into .venv ...' >&2
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt --editable '.[test,lint,dashboards,docs]' >&2
	@touch $@
