PYTHON ?= python3

.PHONY: demo test check install

demo:  ## watch a key policy decide who may use a real key
	@$(PYTHON) dev.py demo

test:  ## everything a fresh machine can run
	@$(PYTHON) dev.py test

check:  ## format, lint, strict types, layers
	@$(PYTHON) dev.py check

install:  ## the environment for developers, in .venv
	@$(PYTHON) dev.py install
