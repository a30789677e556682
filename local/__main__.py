"""The command line of the embedded stack: ``python -m local --help``."""

from local.cli import main

main()
