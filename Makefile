# The habits of this project: `make dev` once, `make check` before each commit.
PYTHON ?= python

.PHONY: dev check test bench docs

dev:            ## install in place, with all tools
	$(PYTHON) -m pip install -e '.[dev]'
	pre-commit install

check:          ## linters, types, size, and the tests
	ruff check .
	cython-lint cytensor
	mypy
	$(PYTHON) tools/size.py
	pytest -n 2

test:
	pytest -n 2

bench:          ## all questions, with the peers that are installed, to docs/benchmarks
	$(PYTHON) -m bench

docs:           ## web pages, in docs/_build
	sphinx-build -b html docs docs/_build
