"""Settings: laptop defaults, and no default secret in the open."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.shared.conftest import Settings


def test_a_laptop_needs_no_settings_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUINTET_VAR", str(tmp_path))

    settings = Settings(_env_file=None)

    assert settings.database_url == f"sqlite:///{tmp_path}/tally.db"
    assert settings.bus_url == f"embedded:{tmp_path}/bus.db"


def test_a_services_own_variable_wins_over_the_platforms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUINTET_LOG_LEVEL", "WARNING")
    monkeypatch.setenv("TALLY_LOG_LEVEL", "DEBUG")

    assert Settings(_env_file=None).log_level == "DEBUG"


@pytest.mark.parametrize("exposed", [{"debug": False}, {"host": "0.0.0.0"}])
def test_a_default_secret_is_refused_where_others_could_reach_it(
    exposed: dict[str, object],
) -> None:
    with pytest.raises(ValidationError, match="TALLY_SECRET_KEY"):
        Settings(_env_file=None, **exposed)  # type: ignore[arg-type]


def test_a_secret_of_our_own_is_never_printed() -> None:
    settings = Settings(_env_file=None, debug=False, secret_key="h" * 40)

    assert "hhhh" not in repr(settings)


@pytest.mark.parametrize("wrong", [{"debug": False}, {"port": "many"}])
def test_what_is_refused_is_named_and_no_value_is_repeated(wrong: dict[str, object]) -> None:
    secrets = {"bus_url": "amqp://hush@rabbit", "jwks_url": "http://hush"}

    with pytest.raises(ValidationError) as refused:
        Settings(_env_file=None, **secrets, **wrong)  # type: ignore[arg-type]

    assert re.search("TALLY_SECRET_KEY|port", str(refused.value))
    assert "hush" not in str(refused.value)
    assert "many" not in str(refused.value)
