"""`python -m deploybook`."""

from .cli import main

main()
