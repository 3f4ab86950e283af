"""Write down what the services promise: event schemas, OpenAPI, and the reference pages.

`make contracts` writes them from the code; a test fails while the committed ones differ.
"""

from __future__ import annotations

import importlib
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from shared.asyncapi import schema_of
from shared.http.root import Root
from shared.service import Service
from shared.settings import ServiceSettings

ROOT = Path(__file__).resolve().parents[1]
SERVICES = ("auth", "catalog", "shop")


def services(folder: Path) -> Iterator[Service]:
    """Each service, wired up on an empty folder; nothing is started."""
    for name in SERVICES:
        app = importlib.import_module(f"{name}_service.app")
        settings = importlib.import_module(f"{name}_service.settings").Settings
        create: Callable[[ServiceSettings], Service] = app.create_service
        yield create(settings(var=folder, _env_file=None))


def files() -> Iterator[tuple[Path, str]]:
    """Every generated file and what it should hold."""
    with tempfile.TemporaryDirectory() as folder:
        found = list(services(Path(folder)))
        for service in found:
            place = ROOT / f"{service.name}_service" / "events" / "schemas"
            for event in service.published:
                yield place / f"{event.TYPE}.json", _pretty(schema_of(event))
            yield (
                ROOT / "docs" / "reference" / "openapi" / f"{service.name}.json",
                _pretty(openapi_of(service)),
            )
        yield ROOT / "docs" / "reference" / "events.md", _events_page(found)
        yield ROOT / "docs" / "reference" / "settings.md", _settings_page(found)
        for service in found:
            service.close()


def openapi_of(service: Service) -> dict[str, Any]:
    """The OpenAPI document of a service's JSON door."""
    from starlette.testclient import TestClient

    assert service.create_app is not None
    app = service.create_app(service)
    assert isinstance(app, Root)
    with TestClient(app, base_url=service.settings.public_url) as client:
        answer = client.get(f"/api/{service.name}/openapi.json")
    document: dict[str, Any] = answer.json()
    return document


def main() -> None:
    """Write all, or with --check only say which differ."""
    stale = [(path, text) for path, text in files() if not _same(path, text)]
    for path, text in stale:
        print(("differs: " if "--check" in sys.argv else "wrote ") + str(path.relative_to(ROOT)))
        if "--check" not in sys.argv:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    if "--check" in sys.argv and stale:
        sys.exit("Run `make contracts` and commit what it writes.")


def _same(path: Path, text: str) -> bool:
    return path.exists() and path.read_text() == text


def _pretty(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def _events_page(found: list[Service]) -> str:
    lines = ["# Events", "", "Made from the event classes by `make contracts`.", ""]
    readers: dict[str, list[str]] = {}
    for service in found:
        for type_ in service.handlers.types:
            readers.setdefault(type_, []).append(service.name)
    for service in found:
        lines += [
            f"## {service.name}",
            "",
            "| event | says | fields | heard by |",
            "|---|---|---|---|",
        ]
        for event in sorted(service.published, key=lambda each: each.TYPE):
            says = (event.__doc__ or "").strip().split("\n")[0]
            fields = ", ".join(f"`{name}`" for name in event.model_fields)
            heard = ", ".join(readers.get(event.TYPE, [])) or "–"
            lines.append(f"| `{event.TYPE}` | {says} | {fields} | {heard} |")
        lines.append("")
    return "\n".join(lines)


def _settings_page(found: list[Service]) -> str:
    from gateway.settings import GatewaySettings

    lines = ["# Settings", "", "Made from the settings classes by `make contracts`.", ""]
    lines += ["A variable of a piece (`CATALOG_…`) wins over the platform's (`QUINTET_…`).", ""]
    classes: list[type[ServiceSettings]] = [*(type(each.settings) for each in found)]
    classes.append(GatewaySettings)
    for settings in classes:
        prefix = settings.name.upper()
        lines += [
            f"## {settings.name}",
            "",
            "| variable | default | what it does |",
            "|---|---|---|",
        ]
        for name, field in settings.model_fields.items():
            default = "" if field.default is None else str(field.default)
            lines.append(f"| `{prefix}_{name.upper()}` | `{default}` | {field.description or ''} |")
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
