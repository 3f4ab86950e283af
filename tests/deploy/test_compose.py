"""docker-compose.yml: everything restarts, is watched, keeps its secrets, and hides behind nginx."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.compose.make_secrets import hashed, main

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("auth", "catalog", "shop")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The parsed file."""
    parsed: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return parsed


@pytest.fixture
def containers(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every container by name."""
    found: dict[str, dict[str, Any]] = compose["services"]
    return found


def test_everything_that_stays_is_restarted_and_watched(
    containers: dict[str, dict[str, Any]],
) -> None:
    staying = {n: c for n, c in containers.items() if not n.endswith("-migrate")}

    unwatched = [n for n, c in staying.items() if "test" not in c.get("healthcheck", {})]
    not_restarted = [n for n, c in staying.items() if c.get("restart") != "always"]

    assert (unwatched, not_restarted) == ([], [])


def test_every_service_migrates_before_it_serves_and_works(
    containers: dict[str, dict[str, Any]],
) -> None:
    waits = [
        containers[f"{name}{role}"]["depends_on"][f"{name}-migrate"]["condition"]
        for name in SERVICES
        for role in ("", "-work")
    ]

    assert set(waits) == {"service_completed_successfully"}


def test_only_nginx_is_reachable_from_outside(containers: dict[str, dict[str, Any]]) -> None:
    published = [name for name, one in containers.items() if "ports" in one]
    with_gateway = [name for name, one in containers.items() if "edge" in one["networks"]]

    assert published == ["nginx"]
    assert with_gateway == ["nginx", "gateway"]


def test_redis_starts_for_those_who_ask_for_it_and_only_the_gateway_reaches_it(
    compose: dict[str, Any], containers: dict[str, dict[str, Any]]
) -> None:
    optional = [name for name, one in containers.items() if "profiles" in one]
    reached_by = [name for name, one in containers.items() if "limits" in one["networks"]]

    assert optional == ["redis"]
    assert sorted(reached_by) == ["gateway", "redis"]
    assert compose["networks"]["limits"]["internal"]
    assert not [name for name, one in containers.items() if "redis" in one.get("depends_on", {})]


def test_a_database_network_holds_one_service_and_the_database(
    compose: dict[str, Any], containers: dict[str, dict[str, Any]]
) -> None:
    for service in SERVICES:
        network = f"{service}-database"

        members = {name for name, one in containers.items() if network in one["networks"]}

        assert members == {"postgres", service, f"{service}-work", f"{service}-migrate"}
        assert compose["networks"][network]["internal"]


def test_no_container_may_write_to_its_image_or_gain_rights(
    containers: dict[str, dict[str, Any]],
) -> None:
    loose = [
        name
        for name, one in containers.items()
        if not (one["read_only"] and one["cap_drop"] == ["ALL"])
        or "no-new-privileges:true" not in one["security_opt"]
        or "cap_add" in one
        or one.get("privileged")
    ]

    assert loose == []


def test_no_container_runs_as_root(containers: dict[str, dict[str, Any]]) -> None:
    built = {one["build"]["dockerfile"] for one in containers.values() if "build" in one}
    as_root = [file for file in built if "\nUSER quintet\n" not in (ROOT / file).read_text()]
    foreign = [n for n, c in containers.items() if "build" not in c and "user" not in c]

    assert (as_root, foreign) == ([], [])


def test_passwords_come_from_files_and_each_container_sees_only_its_own(
    compose: dict[str, Any], containers: dict[str, dict[str, Any]]
) -> None:
    told = {key for one in containers.values() for key in one.get("environment", {})}
    seen = {
        name: {secret.split("_")[0] for secret in one.get("secrets", [])}
        for name, one in containers.items()
        if "build" in one
    }

    assert not [key for key in told if "PASSWORD" in key and not key.endswith("_FILE")]
    assert not [key for key in told if "SECRET" in key or key.endswith("DATABASE_URL")]
    assert all(owners <= {name.split("-")[0]} for name, owners in seen.items())
    assert all(one["file"].startswith("./deploy/secrets/") for one in compose["secrets"].values())


def test_an_image_holds_the_floor_and_one_service_only() -> None:
    for package in ("gateway", "auth_service", "catalog_service", "shop_service"):
        lines = (ROOT / package / "Dockerfile").read_text().splitlines()

        copied = [
            line.split()[1] for line in lines if line.startswith("COPY ") and "--" not in line
        ]

        name = package.removesuffix("_service")
        assert copied == [f"requirements/{name}.txt", "shared", package]


def test_secrets_are_made_once_for_everything_the_file_names(
    tmp_path: Path, compose: dict[str, Any]
) -> None:
    main(tmp_path)
    first = {file.name: file.read_text() for file in tmp_path.iterdir()}

    (tmp_path / "auth_secret_key").unlink()
    main(tmp_path)

    second = {file.name: file.read_text() for file in tmp_path.iterdir()}
    assert set(first) == set(second) == set(compose["secrets"])
    same = {name for name in first if first[name] == second[name]}
    assert set(first) - same <= {"auth_secret_key", "rabbitmq_definitions.json"}
    assert first["auth_database_password"] in first["auth_database_url"]


def test_rabbitmq_gets_hashes_and_no_password(tmp_path: Path) -> None:
    main(tmp_path)

    users = json.loads((tmp_path / "rabbitmq_definitions.json").read_text())["users"]

    assert {key for user in users for key in user} == {
        "name",
        "tags",
        "password_hash",
        "hashing_algorithm",
    }
    assert hashed("a")["password_hash"] != hashed("a")["password_hash"]  # salted
