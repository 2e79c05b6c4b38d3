# The two commands of a newcomer: `make demo`, `make test`. The rest is for those who change things.
PYTHON := .venv/bin/python
OUT ?= demo

# Where it is set, every command that a test or the demo starts compiles torch and its kin anew, for seconds.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup check lint types test demo docs notebook plugin constraints clean

setup: .venv/.ready

.venv/.ready: pyproject.toml constraints.txt
	@command -v uv >/dev/null 2>&1 || python3 -m pip install --quiet --disable-pip-version-check uv
	uv venv --quiet --allow-existing --python 3.11 .venv
	uv pip install --quiet --python $(PYTHON) --constraint constraints.txt --editable '.[dev]'
	@# The tests load cubes with it; it asks for pandas below 3, and does with 3 what they ask of it.
	uv pip install --quiet --python $(PYTHON) --constraint constraints.txt --no-deps stackstac
	@touch $@

check: lint types test

lint: setup
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .

types: setup
	.venv/bin/mypy --num-workers 2

test: setup
	@# PyTorch's threads of one test would take the cores from the other's; MKL_NUM_THREADS is heard by it alone.
	MKL_NUM_THREADS=1 $(PYTHON) -m pytest -n 2 --dist loadfile

demo: setup
	$(PYTHON) -m workflows.demo --out $(OUT)

docs: setup
	$(PYTHON) -m docs.build_site

notebook: setup
	$(PYTHON) benchmarks/run_notebook.py docs/cubes.ipynb

plugin: setup # the zip that QGIS installs; ADDRESS=https://… EMAIL=… where it is to be published
	$(PYTHON) -m workflows.build_plugin --out dist --address '$(ADDRESS)' --email '$(EMAIL)'

constraints: # exact versions of all that is installed, without addresses
	uv pip freeze --python $(PYTHON) --exclude-editable | grep -v '^-e' > constraints.txt

clean:
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis demo
