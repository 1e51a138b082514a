# Everything to run, by name. Each target first makes the virtual environment that it needs.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# A file's tests stay together, as they share what is dear to make.
PYTEST_FLAGS := -n auto --maxprocesses 4 --dist loadfile
INSTALLED := $(VENV)/.installed
LOWEST := .lowest
WITH_LOWEST := PYTHONPATH=$(CURDIR)/$(LOWEST)$${PYTHONPATH:+:$$PYTHONPATH} $(BIN)/python
PRINT_VERSIONS := import gymnasium as g, pettingzoo as p; \
	print(f'gymnasium=={g.__version__}', f'pettingzoo=={p.__version__}', sep=chr(10))
ENVIRONMENT_TESTS := tests/conformance tests/formats tests/matrix tests/single_agent \
	$(addprefix tests/test_,aec.py jailbreak.py red_team.py registration.py spaces.py vector.py)

.DEFAULT_GOAL := help
.PHONY: help demo study world bench trl browser test test-slow test-lowest lint

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

demo: $(INSTALLED) ## train GPO and its rivals on the built-in world, in minutes, without a GPU
	$(BIN)/python examples/train_gpo.py

study: $(INSTALLED) ## compare all arms over several random seeds
	$(BIN)/python examples/study.py

world: $(INSTALLED) ## rebuild the models of the built-in world
	$(BIN)/python -m llm_game_env.gatekeeper.build

bench: $(INSTALLED) ## measure the environments beside others' games, SelfBLEU and a guard
	$(BIN)/python -m pip install -c constraints.txt -e '.[bench]'
	$(BIN)/python benchmarks/environment_cost.py
	$(BIN)/python benchmarks/many_episodes.py
	$(BIN)/python benchmarks/import_time.py
	$(BIN)/python benchmarks/self_bleu.py
	$(BIN)/python benchmarks/guard_scaling.py
	$(BIN)/python benchmarks/generation.py
	$(BIN)/python benchmarks/embedding.py
	$(BIN)/python benchmarks/tabular.py
	$(BIN)/python benchmarks/trl_iteration.py

# In folders of their own, as nothing here needs them and the two are of one name. What they share
# with this package comes from $(VENV).
trl: $(INSTALLED) ## install the two versions of TRL that training is measured beside
	for version in 1.12.0 1.16.0; do \
		$(BIN)/python -m pip install --upgrade --no-deps --target .trl/$$version \
			trl==$$version -r benchmarks/trl.txt || exit 1; \
	done

# Without it the tests that open the report are skipped, and say so.
browser: ## install Chromium (Debian or Ubuntu, as root), in which the tests open the report
	command -v chromium || { apt-get update && apt-get install -y --no-install-recommends chromium; }

test: $(INSTALLED) ## run the tests that take seconds
	$(BIN)/python -m pytest $(PYTEST_FLAGS)

# pytest exits with 5 where no test is marked slow, which is no failure.
test-slow: $(INSTALLED) ## run the tests that take minutes
	$(BIN)/python -m pytest $(PYTEST_FLAGS) -m "slow and not gpu" || test $$? -eq 5

# PettingZoo and Gymnasium come from $(LOWEST), all else from $(VENV). What is imported is compared
# with lowest.txt first: a path in the wrong order would test nothing. Gymnasium 1.0 works as well,
# but has no AutoresetMode yet, which the tests of the batched view ask for.
test-lowest: $(LOWEST)/.installed ## run the environment's tests with the lowest versions supported
	$(WITH_LOWEST) -c "$(PRINT_VERSIONS)" | diff lowest.txt -
	$(WITH_LOWEST) -m pytest $(PYTEST_FLAGS) $(ENVIRONMENT_TESTS)

lint: $(INSTALLED) ## style, types and import directions
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports

# Touched last, so that an installation that was interrupted is taken up again.
$(INSTALLED): pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install -c constraints.txt -e '.[dev]'
	touch $@

# Pure Python, so that what else is installed does not matter.
$(LOWEST)/.installed: lowest.txt | $(INSTALLED)
	rm -rf $(LOWEST)
	$(BIN)/python -m pip install --no-deps --target $(LOWEST) -r lowest.txt
	touch $@

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
