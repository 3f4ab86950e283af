"""`python -m catalog_service …`."""

from __future__ import annotations

from catalog_service.cli import main

main()
