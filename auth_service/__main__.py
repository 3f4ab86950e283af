"""`python -m auth_service`."""

from auth_service.cli import main

main()
