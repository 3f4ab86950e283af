"""Write down what the services promise: event schemas, OpenAPI, the broker's
definitions, and the reference pages.

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

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from deploy.events_page import events_page
from deploy.metrics_page import metrics_page
from deploy.rabbitmq_definitions import definitions
from gateway.events.consumed import HEARD, HEARD_OF_ANY
from shared import replay_requests
from shared.contracts.schemas import schema_of
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


def events_of(piece: str) -> Path:
    """Where a service, the gateway, or the platform keeps what is promised about its events."""
    places = {"gateway": "gateway/events", "shared": "shared/contracts/platform"}
    return ROOT / places.get(piece, f"{piece}_service/events")


def released_by(piece: str) -> Path:
    """Where it keeps the contracts of its last release."""
    return events_of(piece) / "released"


def files() -> Iterator[tuple[Path, str]]:
    """Every generated file and what it should hold."""
    with tempfile.TemporaryDirectory() as folder:
        found = list(services(Path(folder)))
        for service in found:
            place = events_of(service.name) / "schemas"
            for event in service.published:
                yield place / f"{event.TYPE}.json", _pretty(schema_of(event))
            yield (
                ROOT / "docs" / "reference" / "openapi" / f"{service.name}.json",
                _pretty(openapi_of(service)),
            )
        released = {name: released_by(name) for name in (*SERVICES, "shared")}
        yield ROOT / "docs" / "reference" / "events.md", events_page(found, released)
        yield ROOT / "docs" / "reference" / "settings.md", _settings_page(found)
        hears = {each.name: [*each.handlers.types, *replay_requests.TYPES] for each in found}
        yield (
            ROOT / "deploy" / "rabbitmq" / "definitions.json",
            _pretty(definitions(hears, [event.TYPE for event in (*HEARD, *HEARD_OF_ANY)])),
        )
        yield ROOT / "docs" / "reference" / "metrics.md", metrics_page()
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
        unused = settings.UNUSED if issubclass(settings, GatewaySettings) else frozenset()
        for name, field in settings.model_fields.items():
            if name not in unused:
                lines.append(f"| `{prefix}_{name.upper()}` | {_default(field)} | {_about(field)} |")
        lines.append("")
    return "\n".join(lines)


def _default(field: FieldInfo) -> str:
    """As code; nothing for what is none, empty, or made when the process starts."""
    told = "" if field.default in (None, PydanticUndefined) else str(field.default)
    return f"`{told}`" if told else ""


def _about(field: FieldInfo) -> str:
    """The description; a bar would end the cell of the table."""
    return (field.description or "").replace("|", "\\|")


if __name__ == "__main__":
    main()
