"""How the shop's migrations run."""

from shared.migrations import run_env

run_env()
