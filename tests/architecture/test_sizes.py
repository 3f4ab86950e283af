"""Small enough to be read in one go, and explained at the top."""

from __future__ import annotations

import ast

from tests.architecture.exceptions import LONG_FILES, LONG_FUNCTIONS
from tests.architecture.house import functions, is_migration, lines, nobody, sources, tree

LONGEST_FILE = 300
LONGEST_FUNCTION = 40
BANNED = {"utils", "util", "helpers", "helper", "common", "misc", "base", "manager", "managers"}


def test_no_file_is_longer_than_300_lines() -> None:
    nobody(
        (
            f"{path}: {len(lines(path))} lines"
            for path in sources()
            if len(lines(path)) > LONGEST_FILE and path not in LONG_FILES
        ),
        f"A file has at most {LONGEST_FILE} lines.",
    )


def test_no_function_is_longer_than_40_lines() -> None:
    nobody(
        (
            f"{path}:{one.lineno} {one.name}: {length} lines"
            for path in sources()
            for one in functions(path)
            if (length := (one.end_lineno or 0) - one.lineno + 1) > LONGEST_FUNCTION
            and f"{path}:{one.name}" not in LONG_FUNCTIONS
            and not is_migration(path)
        ),
        f"A function has at most {LONGEST_FUNCTION} lines.",
    )


def test_every_file_says_what_it_is_for() -> None:
    nobody(
        (path for path in sources() if lines(path) and not ast.get_docstring(tree(path))),
        "A module begins with the sentence you would say when pointing at it.",
    )


def test_no_file_has_a_name_that_says_nothing() -> None:
    nobody(
        (path for path in sources() if path.rpartition("/")[2].removesuffix(".py") in BANNED),
        f"These names say nothing: {', '.join(sorted(BANNED))}.",
    )


def test_no_exception_outlives_its_reason() -> None:
    too_long = {path for path in sources() if len(lines(path)) > LONGEST_FILE}
    named = {f"{path}:{one.name}" for path in sources() for one in functions(path)}

    nobody({*LONG_FILES} - too_long, "These files are short now; remove them from LONG_FILES.")
    nobody({*LONG_FUNCTIONS} - named, "These functions are gone; remove them from LONG_FUNCTIONS.")
