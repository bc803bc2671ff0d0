"""`python -m geleit`."""

from geleit.cli import main

main()
