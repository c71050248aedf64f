# Everything the book needs, one word each; `make` alone lists them.
#
# The packages of requirements.txt are installed into .venv the first time, and again only when
# requirements.txt or pyproject.toml change. Name another Python with PYTHON=/path/to/python3.12.

PYTHON ?= python3 python3.13 python3.12 python3.11
PORT ?= 8000
CHAPTER ?=
# How many parts of `make test` run at a time.
JOBS ?= 2

VENV := .venv
BIN := $(VENV)/bin
# The name of this file says what is installed: it appears when an installation is complete.
READY := $(VENV)/ready-$(shell (cat requirements.txt pyproject.toml; pwd) | cksum | cut -d' ' -f1)
# Kernels of another processor family: numbers in the chapters must not depend on them.
OTHER_KERNELS := OPENBLAS_CORETYPE=Prescott ATEN_CPU_CAPABILITY=default \
    MKL_ENABLE_INSTRUCTIONS=SSE4_2
TESTS := test-unit test-editions test-site test-notebooks test-notebooks-again
# Bytecode is written when a module is first imported: most of what is installed never is. Without it
# every chapter would compile torch and transformers anew, ten seconds each.
unexport PYTHONDONTWRITEBYTECODE
PIP_INSTALL := $(BIN)/python -m pip install -qq --no-compile --disable-pip-version-check

.PHONY: help install book test test-unit test-notebooks test-notebooks-again test-site test-editions \
    run colab lint serve clean again

help:
	@echo "make book    build the site from the committed outputs and say where to open it"
	@echo "make test    re-execute every chapter, compare every output, test package and site"
	@echo "make run     execute all chapters in place, or one: make run CHAPTER=book/dual/softmax.ipynb"
	@echo "make colab   write plain notebooks for Colab to _build/colab"
	@echo "make lint    check style and notebooks"
	@echo "make serve   serve the built site on http://localhost:$(PORT)"
	@echo "make clean   remove what was built (not .venv)"
	@echo "Parts of make test: lint $(TESTS)"

# ---- the environment -----------------------------------------------------------------------------

# An environment whose Python has gone, or whose installation broke off, is made from nothing.
$(READY): $(if $(shell $(BIN)/python -V 2>/dev/null),,again)
	@python=; for candidate in $(PYTHON); do \
	    if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
	    then python="$$candidate"; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	    echo "The book needs Python 3.11 or newer (tried: $(PYTHON)). Install one, or name it:" \
	         "make $(MAKECMDGOALS) PYTHON=/path/to/python3.12" >&2; exit 1; \
	fi; \
	clear=--clear; if ls $(VENV)/ready-* >/dev/null 2>&1 && $(BIN)/python -V >/dev/null 2>&1; \
	then clear=; fi; rm -f $(VENV)/ready-*; \
	echo "Installing the pinned packages into $(VENV) (once; one to four minutes) ..."; \
	if ! "$$python" -m venv $$clear $(VENV); then \
	    echo "Python could not make $(VENV): see above. On Debian and Ubuntu install" \
	         "python3-venv, then run make again." >&2; exit 1; \
	fi; \
	if ! $(PIP_INSTALL) -r requirements.txt || \
	   ! $(PIP_INSTALL) --no-deps --no-build-isolation -e .; then \
	    echo "The packages could not be installed: see the lines above. If they say that no" \
	         "version was found, the network is most likely away: run make again when it is" \
	         "back." >&2; exit 1; \
	fi; \
	touch $@

again:

install: $(READY)

# ---- the book ------------------------------------------------------------------------------------

# Built afresh each time: it takes seconds, and a page can never be stale.
book: $(READY)
	@rm -rf _build/html _build/.doctrees; mkdir -p _build
	@$(BIN)/jupyter-book build . -W -n --keep-going -q >_build/book.log 2>&1 || { \
	    cat _build/book.log; \
	    echo "The book was not built: mend the warnings above." >&2; exit 1; }
	@echo "The book is built. Open this file in a browser: $(CURDIR)/_build/html/index.html"

run: $(READY)
	$(BIN)/python -m tools.notebooks run $(CHAPTER)

colab: $(READY)
	$(BIN)/python -m tools.colab

serve: $(READY)
	@test -e _build/html/index.html || $(MAKE) book
	@echo "Serving the book on http://localhost:$(PORT) (stop with Ctrl-C)"
	@$(BIN)/python -m http.server --bind 127.0.0.1 --directory _build/html $(PORT)

clean:
	rm -rf _build build *.egg-info .pytest_cache .ruff_cache .hypothesis

# ---- tests ---------------------------------------------------------------------------------------

# The parts do not depend on each other; the report of each is printed when it ends.
test: lint
	@$(MAKE) --no-print-directory --keep-going --jobs=$(JOBS) \
	    $(if $(filter output-sync,$(.FEATURES)),--output-sync=target) $(TESTS)
	@echo "All tests passed."

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/python -m tools.notebooks check
	$(BIN)/python -m tools.repository --check

test-unit: $(READY)
	$(BIN)/pytest tests/unit --jaxtyping-packages=iclbook,beartype.beartype

test-notebooks: $(READY)
	$(BIN)/pytest --nbval book

test-notebooks-again: $(READY)
ifeq ($(shell uname -m),x86_64)
	$(OTHER_KERNELS) $(BIN)/pytest --nbval book
else
	@echo "test-notebooks-again: the other kernels are those of x86-64 processors; left out here"
endif

test-site: book
	$(BIN)/pytest tests/site

test-editions: book colab
	$(BIN)/pytest tests/editions
