"""`python -m kmsgate`."""

from kmsgate.cli import main

main()
