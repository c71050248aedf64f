# Everything the book needs, one word each; `make` alone lists them.
#
# The packages of requirements.txt are installed into .venv the first time, and again only when
# requirements.txt or pyproject.toml change. Name another Python with PYTHON=/path/to/python3.12,
# other packages with REQUIREMENTS=file and another environment with VENV=folder.

REQUIREMENTS ?= requirements.txt
PYTHON ?= python3 python3.13 python3.12 python3.11
PORT ?= 8000
CHAPTER ?=
# The commit that the Colab notebooks install; without one, the newest version.
COMMIT ?=
# How many parts of `make test` run at a time.
JOBS ?= 2
# Numbers in the chapters must not depend on the processor: they are computed again with the kernels
# of another family. Any other set and number of threads, for example:
#   make test-notebooks-again KERNELS="OPENBLAS_CORETYPE=Haswell ATEN_CPU_CAPABILITY=avx2" THREADS=2
KERNELS ?= OPENBLAS_CORETYPE=Prescott ATEN_CPU_CAPABILITY=default MKL_ENABLE_INSTRUCTIONS=SSE4_2
THREADS ?= 1

VENV ?= .venv
BIN := $(VENV)/bin
# The name of this file says what is installed: it appears when an installation is complete.
READY := $(VENV)/ready-$(shell (cat $(REQUIREMENTS) pyproject.toml; pwd) | cksum | cut -d' ' -f1)
PARTS := lint test-unit test-editions test-site test-notebooks test-notebooks-again
# A part is named in this folder from its start until it ends well: what is left has failed.
FAILED := _build/failed
begin = @mkdir -p $(FAILED) && touch $(FAILED)/$(1)
end = @rm $(FAILED)/$(1)
# Bytecode is written when a module is first imported: most of what is installed never is. Without it
# every chapter would compile torch and transformers anew, ten seconds each.
unexport PYTHONDONTWRITEBYTECODE
PIP_INSTALL := $(BIN)/python -m pip install -qq --no-compile --disable-pip-version-check

.PHONY: help install book test try-book try-test site browser models all-parts $(PARTS) test-unit-plain \
    run colab pdf epub serve clean again

help:
	@echo "make book    build the site from the committed outputs and say where to open it"
	@echo "make test    re-execute every chapter, compare every output, test package and site"
	@echo "make run     execute all chapters in place, or one: make run CHAPTER=book/dual/softmax.ipynb"
	@echo "make colab   write plain notebooks for Colab to _build/colab"
	@echo "make pdf     print the whole book to _build/pdf"
	@echo "make epub    write the whole book as an EPUB to _build/epub"
	@echo "make lint    check style and notebooks"
	@echo "make serve   serve the built site on http://localhost:$(PORT)"
	@echo "make clean   remove what was built (not .venv)"
	@echo "Parts of make test: $(PARTS)"
	@echo "make test-unit-plain   the unit tests of what needs no torch"

# ---- the environment -----------------------------------------------------------------------------

# An environment whose Python has gone, or whose installation broke off, is made from nothing.
$(READY): $(if $(shell $(BIN)/python -V 2>/dev/null),,again)
	$(call begin,install)
	@python=; for candidate in $(PYTHON); do \
	    if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
	    then python="$$candidate"; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	    echo "The book needs Python 3.11 or newer (tried: $(PYTHON)). Install one, or name it:" \
	         "make install PYTHON=/path/to/python3.12" >&2; exit 1; \
	fi; \
	clear=--clear; if ls $(VENV)/ready-* >/dev/null 2>&1 && $(BIN)/python -V >/dev/null 2>&1; \
	then clear=; fi; rm -f $(VENV)/ready-*; \
	echo "Installing the pinned packages into $(VENV) (once; one to four minutes) ..."; \
	if ! "$$python" -m venv $$clear $(VENV); then \
	    echo "Python could not make $(VENV): see above. On Debian and Ubuntu install" \
	         "python3-venv, then run make again." >&2; exit 1; \
	fi; \
	if ! $(PIP_INSTALL) -r $(REQUIREMENTS) || \
	   ! $(PIP_INSTALL) --no-deps --no-build-isolation -e .; then \
	    echo "The packages could not be installed: see the lines above. If they say that no" \
	         "version was found, the network is most likely away: run make again when it is" \
	         "back." >&2; exit 1; \
	fi; \
	touch $@
	$(call end,install)

again:

install: $(READY)

# ---- the last line -------------------------------------------------------------------------------

# `make book` and `make test` do their work in a make of their own, and then say in one line how it
# went: an error that make itself reports would have the last word otherwise.
WELL := _build/ended-well
try = @rm -rf $(FAILED) $(WELL); $(MAKE) --no-print-directory $(1) && touch $(WELL) || true
failed = $(shell ls $(FAILED) 2>/dev/null)
comma := ,
space := $(subst ,, )
verdict = @$(if $(shell ls $(WELL) 2>/dev/null),echo $(1),$(error \
    Failed: $(failed). To run a part alone: $(subst $(space)make,$(comma) make,$(failed:%=make %))))

# ---- the book ------------------------------------------------------------------------------------

book: try-book
	$(call verdict,"The book is built. Open this file in a browser: $(CURDIR)/_build/html/index.html")

try-book:
	$(call try,site)

# Built afresh each time: it takes seconds, and a page can never be stale.
site: $(READY)
	$(call begin,book)
	@rm -rf _build/html _build/.doctrees
	@$(BIN)/jupyter-book build . -W -n --keep-going -q >_build/book.log 2>&1 || { \
	    cat _build/book.log; \
	    echo "The book was not built: mend the warnings above." >&2; exit 1; }
	$(call end,book)

run: $(READY)
	$(BIN)/python -m tools.notebooks run $(CHAPTER)

colab: $(READY)
	$(call begin,$@)
	$(BIN)/python -m tools.colab $(COMMIT)
	$(call end,$@)

pdf: site browser
	$(call begin,$@)
	@$(BIN)/python -m tools.pdf
	$(call end,$@)

epub: site
	$(call begin,$@)
	@$(BIN)/python -m tools.epub
	$(call end,$@)

serve: $(READY)
	@test -e _build/html/index.html || $(MAKE) book
	@echo "Serving the book on http://localhost:$(PORT) (stop with Ctrl-C)"
	@$(BIN)/python -m http.server --bind 127.0.0.1 --directory _build/html $(PORT)

clean:
	rm -rf _build build *.egg-info .pytest_cache .ruff_cache .hypothesis

# ---- tests ---------------------------------------------------------------------------------------

test: try-test
	$(call verdict,"All tests passed: $(PARTS)")

try-test:
	$(call try,browser models all-parts)

# The parts do not depend on each other; the report of each is printed when it ends.
all-parts:
	@$(MAKE) --no-print-directory --keep-going --jobs=$(JOBS) \
	    $(if $(filter output-sync,$(.FEATURES)),--output-sync=target) $(PARTS)

browser: $(READY)
	$(call begin,$@)
	@$(BIN)/python -m tools.browser
	$(call end,$@)

# What the chapters load of PyPI lies in the cache before the parts begin. Without PyPI the tests of
# the cells that need it fail, and no others: so this does not.
models: $(READY)
	@$(BIN)/python -m tools.models

lint: $(READY)
	$(call begin,$@)
	$(BIN)/ruff check .
	$(BIN)/python -m tools.notebooks check
	$(BIN)/python -m tools.repository --check
	$(BIN)/zizmor --offline --quiet .github/workflows
	$(call end,$@)

test-unit: $(READY)
	$(call begin,$@)
	$(BIN)/pytest tests/unit --jaxtyping-packages=iclbook,beartype.beartype
	$(call end,$@)

test-unit-plain: $(READY)
	$(BIN)/pytest tests/unit --plain --jaxtyping-packages=iclbook,beartype.beartype

test-notebooks: $(READY)
	$(call begin,$@)
	$(BIN)/pytest --nbval book
	$(call end,$@)

test-notebooks-again: $(READY)
	$(call begin,$@)
ifeq ($(shell uname -m),x86_64)
	$(KERNELS) KERNEL_THREADS=$(THREADS) $(BIN)/pytest --nbval book
else
	@echo "test-notebooks-again: the other kernels are those of x86-64 processors; left out here"
endif
	$(call end,$@)

test-site: site
	$(call begin,$@)
	$(BIN)/pytest tests/site
	$(call end,$@)

test-editions: site colab
	$(call begin,$@)
	$(BIN)/pytest tests/editions
	$(call end,$@)
