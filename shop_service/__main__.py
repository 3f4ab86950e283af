"""`python -m shop_service` lists what the shop can be told to do."""

from shop_service.cli import main

main()
