"""`python -m aegisops` is the `aegisops` command."""

from aegisops.cli import main

main()
