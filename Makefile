# Each target makes .venv and installs what it needs the first time; later that is a no-op.
#
#   make lab            open the notebooks: your own copies, in my/
#   make fresh N=03     add a new copy of notebook 3 beside the old one
#   make train          train the network on MNIST (ARGS="--recipe fast", …)
#   make doctor         look at the installation
#   make test           all tests: the library's, and the notebooks as tests
#   make test-browser   only the widgets' tests in a real browser; they need Chromium and node
#   make notebooks      run notebooks/ again and store their outputs (for authors)
#   make book           the notebooks as a book to read, in build/book
#   make slides         the slides, a deck for each notebook, in build/slides
#   make site           book and slides in one folder, site/, for any web server
#   make messages       the texts of book and slides for translators, in build/messages
#   make experiments    run what is missing in notebook 10's tables (ARGS="--list", ARGS=timing, …)
#   make bench          measure the speed side by side, into benchmarks/README.md (ARGS=epoch, …)
#   make lint           ruff's checks and format (for authors)
#   make clean          remove .venv and caches; my/ and runs/ stay

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
LOCK := pyproject.toml constraints.txt

# torch's threads wait for each other by spinning (GNU OpenMP, Linux).  Long spinning is quickest on a machine that
# does nothing else, and ruinous beside another busy program.  Half an epoch on two cores, alone and beside one:
# spins unset 1.2 s and over 20, 30,000: 1.3 and 19, 10,000: 1.4 and 9.5, 1,000: 1.9 and 3.5.
lab train: export GOMP_SPINCOUNT ?= 10000
test test-browser notebooks experiments: export GOMP_SPINCOUNT ?= 1000

.PHONY: help book-tools browser-tools book slides site messages lab fresh train doctor test test-browser notebooks experiments bench lint clean

help:
	@sed -n 's/^#   //p' Makefile

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) --version 2>&1). Another one: make PYTHON=python3.12 …"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "venv failed; on Debian and Ubuntu: apt install python3-venv"; exit 1; }

# One stamp for each set of packages.  A failed or interrupted install leaves no stamp, so it is done again.
$(VENV)/installed: $(LOCK) | $(BIN)/python
	$(PIP) install -c constraints.txt -e .
	@touch $@

$(VENV)/installed-lab: $(LOCK) | $(BIN)/python
	$(PIP) install -c constraints.txt -e ".[lab]"
	@touch $@ $(VENV)/installed

$(VENV)/installed-test: $(LOCK) | $(BIN)/python
	$(PIP) install -c constraints.txt -e ".[test]"
	@touch $@ $(VENV)/installed $(VENV)/installed-lab

$(VENV)/installed-book: $(LOCK) | $(BIN)/python
	$(PIP) install -c constraints.txt -e ".[book]"
	@touch $@ $(VENV)/installed $(VENV)/installed-lab

# What the pages of the book and the slides carry with them: MathJax and reveal.js, from npm.
WEB := book/node_modules/.package-lock.json
$(WEB): book/package.json book/package-lock.json book/.npmrc
	@command -v npm >/dev/null || { echo "npm is needed, with Node.js 18 or newer; on Debian and Ubuntu: apt install npm"; exit 1; }
	cd book && npm ci
	@touch $@

# For CI: the book and the slides can then be built, and their tests are not skipped.
book-tools: $(VENV)/installed-book $(WEB)

lab: $(VENV)/installed-lab
	$(BIN)/python tools/lab.py $(ARGS)

fresh: $(VENV)/installed-lab
	@$(BIN)/python tools/lab.py --fresh "$(N)"

train: $(VENV)/installed
	$(BIN)/python -m softmax_lib train $(ARGS)

doctor: $(VENV)/installed
	$(BIN)/python -m softmax_lib doctor

test: $(VENV)/installed-test
	$(BIN)/python -m pytest $(ARGS)

BROWSER := tests/browser/node_modules/.package-lock.json

$(BROWSER): tests/browser/package-lock.json
	cd tests/browser && npm ci --no-audit --no-fund
	@touch $@

browser-tools: $(BROWSER)

test-browser: $(VENV)/installed-test $(BROWSER)
	$(BIN)/python -m pytest tests/browser $(ARGS)

# Another language than en needs book/locale; CONTRIBUTING.md says how.
BOOK_LANGUAGE ?= en
SPHINX := $(BIN)/sphinx-build -W --keep-going --quiet -D language=$(BOOK_LANGUAGE)

book: $(VENV)/installed-book $(WEB)
	$(SPHINX) -b html -d build/doctrees/book-$(BOOK_LANGUAGE) $(ARGS) book build/book
	@echo "Open build/book/index.html"

site: $(VENV)/installed-book $(WEB)
	rm -rf build/site
	$(SPHINX) -b html -d build/doctrees/site-$(BOOK_LANGUAGE) -t slides $(ARGS) book build/site
	rm -rf site && cp -R build/site site && rm -rf site/.buildinfo
	$(BIN)/python book/slides/decks.py --out site/slides --language $(BOOK_LANGUAGE)
	@echo "Open site/index.html, or put the folder site/ on a web server"

messages: $(VENV)/installed-book
	$(BIN)/sphinx-build -W --keep-going --quiet -b gettext -d build/doctrees/messages book build/messages
	$(BIN)/sphinx-build -W --keep-going --quiet -b gettext -d build/doctrees/messages-slides book/slides build/messages/slides

slides: $(VENV)/installed-book $(WEB)
	$(BIN)/python book/slides/decks.py $(ARGS)

notebooks: $(VENV)/installed-test
	$(BIN)/python tools/store_outputs.py $(ARGS)

experiments: $(VENV)/installed
	OMP_NUM_THREADS=2 $(BIN)/python tools/experiments.py $(ARGS)

bench: $(VENV)/installed-test
	$(BIN)/python benchmarks/bench.py $(ARGS)

lint: $(VENV)/installed-test
	$(BIN)/ruff check . && $(BIN)/ruff format --check .

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +
