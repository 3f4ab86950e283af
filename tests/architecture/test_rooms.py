"""Know one service and you know them all."""

from __future__ import annotations

from tests.architecture.house import PIECES, ROOT, SERVICES, imports, nobody, sources

ROOMS = {"api", "db", "domain", "events", "pages", "usecases"}
ROOMS_IF_NEEDED = {"handlers", "providers"}
FILES = {
    "__init__.py", "__main__.py", "app.py", "cli.py", "settings.py",
    "README.md", "pyproject.toml", "Dockerfile",
}  # fmt: skip
WIRING = {"app.py", "cli.py", "__main__.py", "settings.py"}


def test_every_service_has_the_same_rooms() -> None:
    missing = [
        f"{service}/{name}"
        for service in SERVICES
        for name in ROOMS | FILES
        if not (ROOT / service / name).exists()
    ]

    nobody(missing, "Every service has these rooms and files.")


def test_no_service_has_a_room_that_the_others_do_not_know() -> None:
    known = ROOMS | ROOMS_IF_NEEDED | FILES | {"py.typed", "__pycache__"}

    nobody(
        (
            f"{service}/{entry.name}"
            for service in SERVICES
            for entry in (ROOT / service).iterdir()
            if entry.name not in known
        ),
        "A new room is a decision about the architecture: record it, then add it here.",
    )


def test_only_the_wiring_reads_settings() -> None:
    nobody(
        (
            f"{path}:{line}"
            for service in SERVICES
            for path in sources(service)
            if path.removeprefix(f"{service}/") not in WIRING
            for name, line in imports(path)
            if name.startswith(f"{service}.settings")
        ),
        "app, cli and __main__ read settings and hand on what the rooms need.",
    )


def test_every_piece_explains_itself() -> None:
    nobody(
        (
            f"{piece}/README.md"
            for piece in PIECES
            if not (ROOT / piece / "README.md").exists()
            or not (ROOT / piece / "README.md").read_text().strip()
        ),
        "Every piece has a README: what it owns, says, hears, and how to run it alone.",
    )
