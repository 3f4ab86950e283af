"""`python -m deploy.local.command auth superuser`: one command, told the same as the services."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import NoReturn

from deploy.local.console import Console
from deploy.local.plan import PACKAGES, parts
from deploy.local.refusal import CannotStart


def main() -> NoReturn:
    """Become the command of that service; it sees the databases that `make run` uses."""
    options = _options()
    told = dict(os.environ)
    try:
        if options.real:
            from deploy.local.real import prepare

            told |= prepare(options.var, Console(sys.stderr))
    except CannotStart as reason:
        Console(sys.stderr).fail(str(reason))
        sys.exit(1)
    options.var.mkdir(parents=True, exist_ok=True)
    [part] = [one for one in parts(options.port, options.var, told) if one.name == options.part]
    command = part.command(*options.arguments)
    os.execvpe(command[0], command, dict(part.environment))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m deploy.local.command", description=__doc__)
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--var", type=Path, default=Path("var"))
    parser.add_argument("--real", action="store_true", help="on PostgreSQL and RabbitMQ")
    parser.add_argument("part", choices=sorted(PACKAGES))
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    return parser.parse_args()


if __name__ == "__main__":
    main()
