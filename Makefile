PYTHON ?= python3

.PHONY: demo test check fuzz crash clients bench rules install

demo:  ## watch a key policy decide who may use a real key
	@$(PYTHON) dev.py demo

test:  ## everything a fresh machine can run
	@$(PYTHON) dev.py test

check:  ## format, lint, strict types, layers
	@$(PYTHON) dev.py check

SECONDS ?= 60
fuzz:  ## new worlds, broken texts and odd requests for SECONDS: both evaluators agree, nothing raises
	@$(PYTHON) dev.py fuzz $(SECONDS)

ROUNDS ?= 100
crash:  ## kill processes under load ROUNDS times, and look for what they had acknowledged
	@$(PYTHON) dev.py crash $(ROUNDS)

clients:  ## install clients in other languages and versions, which tests then run against the endpoint
	@$(PYTHON) dev.py clients

SECTION ?=
bench:  ## speed, next to other engines in the same run; SECTION=decision measures only that
	@$(PYTHON) dev.py bench $(SECTION)

rules:  ## each numbered rule, where the code carries it, and its cases
	@$(PYTHON) dev.py rules

install:  ## the environment for developers, in .venv
	@$(PYTHON) dev.py install
