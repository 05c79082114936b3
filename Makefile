PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
# The first interpreter that is new enough, so that "make demo" works where python3 is old.
PYTHON_NEW := $(shell for p in $(PYTHON) python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)

PYTHON_3_11 := $(shell for p in $(PYTHON) python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null && echo $$p && break; done)
PYTHON_3_13 := $(shell for p in python3.14 python3.13 $(PYTHON); do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 13))' 2>/dev/null && echo $$p && break; done)
PYTHON_NEWEST := $(shell for p in python3.14 python3.13 python3.12 python3.11 $(PYTHON); do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)

# Programs that tests start begin in half the time where the bytecode of the last one is there.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo figures long compare talking published fuzz torture soak test wheel docs clients oldest newest bench libraries venv clean

demo: .venv/train.done  ## Figure 2 of the zeroth-order paper, on 8 of its 20 layouts
	$(BIN)/python -m trainers configs/paper/fig2.yaml --set 'seeds=[1000,1001,1002,1003,1004,1005,1006,1007]' --out runs/demo --resume

figures: .venv/train.done  ## every figure, and the papers' claims checked, into docs/results; goes on where it stopped
	$(BIN)/python -m trainers fidelity
	$(BIN)/python docs/write_results.py figures

long: .venv/train.done  ## claims whose runs take long (some hours on 2 cores), into docs/results; goes on where it stopped
	$(BIN)/python -m trainers fidelity --claims configs/long/claims.yaml --runs runs/long
	$(BIN)/python docs/write_results.py long

compare: .venv/compare.done  ## five comparisons on the same channels, into docs/results; goes on where it stopped
	for name in dense paper gaussian d2d cellular; do \
		$(BIN)/python -m baselines configs/compare/$$name.yaml --resume || exit; done
	$(BIN)/python docs/write_results.py compare

talking: .venv/compare.done  ## what talking is worth: late, lost and few messages, and larger networks (25 minutes of one core)
	for name in talking size; do \
		$(BIN)/python -m baselines configs/compare/$$name.yaml --resume || exit; done
	$(BIN)/python docs/write_results.py talking

published: .venv/compare.done  ## tables that papers have published, ours beside them, into docs/results (a quarter of an hour)
	$(BIN)/python -m benchmarks.published runs/published
	$(BIN)/python -m benchmarks.published.learned runs/published
	$(BIN)/python docs/write_results.py published

test: .venv/all.done  ## lint, types and tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n auto --dist worksteal

wheel: .venv/all.done  ## the wheel in empty environments, without torch and with all that compares; the sdist builds the same
	$(BIN)/python -m tests.wheel

docs: .venv-docs/done  ## the site, into site/, with strict links and without the network; it runs notebooks and examples
	NO_MKDOCS_2_WARNING=1 .venv-docs/bin/python -m mkdocs build --strict

clients: .venv-clients/done .venv-benchmarl/done .venv-tianshou/done .venv-agilerl/done $(if $(PYTHON_3_13),.venv-decentbench/done)  ## other people's libraries, each with its own checks and algorithms
	.venv-clients/bin/python -m pytest tests/clients/*.py tests/integrations
	.venv-benchmarl/bin/python -m pytest tests/clients/own/test_benchmarl.py tests/clients/test_torchrl_batched.py
	.venv-tianshou/bin/python -m pytest tests/clients/own/test_others.py
	.venv-agilerl/bin/python -m pytest tests/clients/own/test_others.py
	$(if $(PYTHON_3_13),.venv-decentbench/bin/python -m pytest tests/clients/own/test_decent_bench.py,@echo "decent-bench is left out: Python 3.13 or newer is needed; none was found")

oldest: .venv-oldest/done  ## the lowest versions that pyproject.toml allows, on Python 3.11: every part used once
	.venv-oldest/bin/python -m tests.smoke

newest: .venv-newest/done  ## the newest versions, on the newest Python that is there: every part used once
	.venv-newest/bin/python -m tests.smoke

fuzz: .venv/all.done  ## 20,000 mutated inputs; none may end in a traceback, a hang or a lack of memory
	$(BIN)/python -m tests.fuzz

torture: .venv/all.done  ## kill runs and comparisons, fill their disk, take permission; their numbers must not change
	$(BIN)/python -m pytest -n auto -m slow
	$(BIN)/python -m tests.torture

soak: .venv/all.done  ## much of the same for long; memory and time must stay flat
	$(BIN)/python -m tests.soak

bench: .venv/all.done  ## speed, measured side by side, into docs/results
	$(BIN)/python -m benchmarks --out runs/speed.md
	$(BIN)/python docs/write_results.py speed

libraries: .venv-clients/done .venv/all.done  ## speed within TorchRL, into docs/guides/libraries.md
	OMP_NUM_THREADS=1 .venv-clients/bin/python -W ignore -m benchmarks.libraries runs/libraries.json
	$(BIN)/python docs/write_results.py libraries

venv: .venv/all.done  ## .venv/ with everything for development

.venv/bin/python:
	@test -n "$(PYTHON_NEW)" || { echo "Python 3.11 or newer is needed; none was found (set PYTHON=...)"; exit 2; }
	$(PYTHON_NEW) -m venv .venv

.venv/train.done: .venv/bin/python pyproject.toml constraints.txt
	$(PIP) --editable '.[train]'
	@touch $@

.venv/compare.done: .venv/bin/python pyproject.toml constraints.txt
	$(PIP) --editable '.[compare]'
	@touch .venv/train.done $@

.venv/all.done: .venv/bin/python pyproject.toml constraints.txt
	$(PIP) --editable '.[dev]'
	@touch .venv/train.done .venv/compare.done $@

# An environment of its own: RLlib pins a Gymnasium older than the one in constraints.txt.
.venv-clients/done: pyproject.toml constraints-clients.txt
	@test -n "$(PYTHON_NEW)" || { echo "Python 3.11 or newer is needed; none was found (set PYTHON=...)"; exit 2; }
	test -x .venv-clients/bin/python || $(PYTHON_NEW) -m venv .venv-clients
	.venv-clients/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints-clients.txt \
		--editable '.[clients]'
	@touch $@

# Each in an environment of its own, for what it pins. BenchMARL's TorchRL is older than that in constraints-clients.txt.
.venv-benchmarl/done .venv-tianshou/done .venv-agilerl/done: .venv-%/done: pyproject.toml constraints-%.txt
	@test -n "$(PYTHON_NEW)" || { echo "Python 3.11 or newer is needed; none was found (set PYTHON=...)"; exit 2; }
	test -x .venv-$*/bin/python || $(PYTHON_NEW) -m venv .venv-$*
	.venv-$*/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints-$*.txt \
		--editable '.[$*]' pytest pytest-xdist hypothesis beartype
	@touch $@

# It wants Python 3.13. Hooks of hatch would compile decent-array for minutes, which runs as it stands.
.venv-decentbench/done: pyproject.toml constraints-decentbench.txt
	test -x .venv-decentbench/bin/python || $(PYTHON_3_13) -m venv .venv-decentbench
	HATCH_BUILD_NO_HOOKS=true .venv-decentbench/bin/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints-decentbench.txt --editable '.[decentbench]' pytest pytest-xdist hypothesis beartype
	@touch $@

.venv-docs/done: pyproject.toml constraints.txt
	@test -n "$(PYTHON_NEW)" || { echo "Python 3.11 or newer is needed; none was found (set PYTHON=...)"; exit 2; }
	test -x .venv-docs/bin/python || $(PYTHON_NEW) -m venv .venv-docs
	.venv-docs/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[docs]'
	@touch $@

# uv, because pip cannot choose the lowest versions.
.venv-oldest/done: pyproject.toml
	@test -n "$(PYTHON_3_11)" || { echo "Python 3.11 is needed; none was found (set PYTHON=...)"; exit 2; }
	$(PYTHON_3_11) -m venv --clear .venv-oldest
	.venv-oldest/bin/python -m pip install --quiet --disable-pip-version-check uv
	.venv-oldest/bin/uv pip install --quiet --python .venv-oldest/bin/python --resolution lowest-direct --editable '.[dev]'
	@touch $@

.venv-newest/done: pyproject.toml
	@test -n "$(PYTHON_NEWEST)" || { echo "Python 3.11 or newer is needed; none was found (set PYTHON=...)"; exit 2; }
	$(PYTHON_NEWEST) -m venv --clear .venv-newest
	.venv-newest/bin/python -m pip install --quiet --disable-pip-version-check --upgrade --editable '.[dev]'
	@touch $@

clean:  ## remove the virtual environments and all runs
	rm -rf .venv .venv-docs .venv-clients .venv-benchmarl .venv-tianshou .venv-agilerl .venv-decentbench .venv-oldest .venv-newest runs site .docs_cache
