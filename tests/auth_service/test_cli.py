"""Commands: the first superuser, new keys, the list of people."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from auth_service.app import create_service
from auth_service.cli import cli
from auth_service.db.models import User
from auth_service.db.users import user_by_email
from auth_service.settings import Settings
from auth_service.usecases.demo import EMAIL, PASSWORD, fill_with_demo
from auth_service.usecases.desk import Desk
from shared.service import Service
from shared.testing import sent_by
from tests.auth_service.builders import counted

BOSS = ("--email", "boss@quintet.example", "--password", "seven grey herons", "--name", "Boss")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runner:
    monkeypatch.setenv("QUINTET_VAR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return Runner()


class Runner:
    """Runs commands as a shell would, on a folder of its own."""

    def __call__(self, *arguments: str) -> Result:
        """Run one command with nobody at the keyboard."""
        return CliRunner().invoke(cli, list(arguments))

    def user(self, email: str) -> User | None:
        """What the database says about somebody."""
        service = create_service(Settings())
        with service.transactions.read() as work:
            found = user_by_email(work, email)
        service.close()
        return found


def test_the_first_command_ever_makes_a_superuser(run: Runner) -> None:
    result = run("superuser", *BOSS)

    boss = run.user("boss@quintet.example")
    assert result.exit_code == 0
    assert "boss@quintet.example is now a superuser." in result.output
    assert "herons" not in result.output
    assert boss is not None
    assert boss.is_superuser
    assert boss.is_staff


def test_making_a_superuser_twice_does_no_harm(run: Runner) -> None:
    run("superuser", *BOSS)

    result = run("superuser", *BOSS)

    assert result.exit_code == 0
    assert "already" in result.output


def test_nobody_is_promoted_without_a_word(run: Runner) -> None:
    run("superuser", *BOSS)
    service = create_service(Settings())
    with service.transactions.begin() as work:
        boss = user_by_email(work, "boss@quintet.example")
        assert boss is not None
        boss.is_superuser = False
    service.close()

    silent = run("superuser", *BOSS)
    said = run("superuser", *BOSS, "--yes")

    assert (silent.exit_code, said.exit_code) == (1, 0)
    promoted = run.user("boss@quintet.example")
    assert promoted is not None
    assert promoted.is_superuser


def test_a_weak_password_is_refused_here_too(run: Runner) -> None:
    result = run("superuser", "--email", "boss@quintet.example", "--password", "password1")

    assert result.exit_code == 1
    assert "easy to guess" in result.output
    assert run.user("boss@quintet.example") is None


def test_with_nobody_to_ask_the_command_says_what_is_missing(run: Runner) -> None:
    result = run("superuser")

    assert result.exit_code == 2
    assert "--email" in result.output


def test_an_operator_gives_a_new_password(run: Runner) -> None:
    run("superuser", *BOSS)

    done = run("password", "boss@quintet.example", "--password", "five calm otters")
    nobody = run("password", "nobody@quintet.example", "--password", "five calm otters")

    assert (done.exit_code, nobody.exit_code) == (0, 1)


def test_people_are_listed_and_keys_rotated(run: Runner) -> None:
    run("superuser", *BOSS)

    listed, rotated = run("users"), run("rotate-keys")

    assert "boss@quintet.example" in listed.output
    assert "superuser" in listed.output
    assert "keys are published" in rotated.output


def test_the_demo_shopper_comes_to_an_empty_house_only(service: Service, desk: Desk) -> None:
    fill_with_demo(desk)
    fill_with_demo(desk)

    assert counted(service, User) == 1
    with service.transactions.read() as work:
        shopper = user_by_email(work, EMAIL)
    assert shopper is not None
    assert desk.hasher.verify(shopper.password_hash, PASSWORD)
    assert [event.type for event in sent_by(service)] == ["auth.user.registered.v1"]
