"""auth's keys at the gateway: kept while auth is away, gone when auth takes them back."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey

from gateway.proxy.identity.keys import KeyLimits, Keys, KeysUnavailable
from tests.gateway.signing import jwks, key
from tests.gateway.verifying import LIMITS, World


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


def test_many_who_need_the_keys_at_once_ask_once() -> None:
    async def play() -> None:
        world = World()
        tokens = [world.token() for _ in range(20)]

        assert all(await asyncio.gather(*(world.good(each) for each in tokens)))
        assert world.asked == 1

    run(play())


def test_a_flood_of_unknown_kids_asks_auth_once_per_interval() -> None:
    async def play() -> None:
        world = World()
        assert await world.good(world.token())
        world.now += 10

        for n in range(50):
            assert not await world.good(world.token(key("second"), header={"kid": f"k{n}"}))
            assert await world.good(world.token())
        assert world.asked == 2

        world.now += 4.9
        assert not await world.good(world.token(key("second"), header={"kid": "more"}))
        assert world.asked == 2

    run(play())


def test_a_new_key_is_found_without_any_event() -> None:
    async def play() -> None:
        world = World()
        await world.good(world.token())
        world.now += 10
        world.published = jwks(key("second"), key())

        assert await world.good(world.token(key("second")))

    run(play())


def test_the_last_good_keys_stay_when_auth_fails() -> None:
    async def play() -> None:
        world = World()
        await world.good(world.token())
        broken: Any
        for broken in ({"keys": []}, {"keys": [{"kty": "RSA"}]}, {}, [], {"keys": 1}):
            world.now += 10
            world.published = broken
            assert not await world.good(world.token(key("second"), header={"kid": "x"}))
            assert await world.good(world.token())
        world.now, world.away = world.now + 10, True
        assert not await world.good(world.token(key("second"), header={"kid": "x"}))
        assert await world.good(world.token())

    run(play())


def test_without_any_keys_auth_is_asked_again_soon() -> None:
    async def play() -> None:
        world = World(away=True)
        with pytest.raises(KeysUnavailable):
            await world.good(world.token())
        world.away = False
        world.now += 0.6

        assert await world.good(world.token())

    run(play())


def test_keys_die_of_age_when_auth_cannot_be_asked() -> None:
    async def play() -> None:
        world = World()
        known = world.token()
        await world.good(known)
        world.away = True
        world.now += LIMITS.oldest + 1

        with pytest.raises(KeysUnavailable):
            await world.good(world.token())

    run(play())


def test_a_key_that_is_not_published_any_more_takes_its_tokens_with_it() -> None:
    async def play() -> None:
        world = World(published=jwks(key(), key("second")))
        old, new = world.token(), world.token(key("second"))
        assert await world.good(old)
        assert await world.good(new)
        world.published = jwks(key("second"))
        world.now += 10
        await world.good(world.token(header={"kid": "unknown"}))  # makes us look

        assert world.bearer.at_hand(old) is None
        assert not await world.good(old)
        assert await world.good(new)

    run(play())


def test_a_key_named_as_before_but_otherwise_is_another_key() -> None:
    async def play() -> None:
        world = World()
        old = world.token()
        assert await world.good(old)
        other = RSAKey.generate_key(2048, {"kid": "first", "use": "sig", "alg": "RS256"})
        world.published = jwks(other)
        world.now += 10
        await world.good(world.token(header={"kid": "unknown"}))

        assert not await world.good(old)
        assert await world.good(world.token(other))

    run(play())


def test_the_event_drops_what_it_does_not_name_before_auth_is_asked() -> None:
    async def play() -> None:
        world = World()
        old = world.token()
        assert await world.good(old)
        world.away = True

        world.keys.changed(["second"])

        assert world.bearer.at_hand(old) is None
        assert not await world.good(old)

    run(play())


def test_an_answer_older_than_the_event_does_not_bring_a_removed_key_back() -> None:
    async def play() -> None:
        world = World()
        old = world.token()

        def rotated_meanwhile() -> None:
            world.published = jwks(key("second"))
            world.keys.changed(["second"])

        world.answer_after.append(rotated_meanwhile)

        assert not await world.good(old)
        assert await world.good(world.token(key("second")))
        assert world.asked == 2

    run(play())


@pytest.mark.parametrize(
    "jwk",
    [
        OctKey.generate_key(256, {"kid": "x"}).as_dict(private=True),
        {**jwks(key())["keys"][0], "kid": "x", "n": jwks(key())["keys"][0]["n"][:171]},
        RSAKey.generate_key(2048, {"kid": "x"}).as_dict(private=True),
        ECKey.generate_key("P-256", {"kid": "x"}).as_dict(private=False),
        RSAKey.generate_key(2048, {"kid": "x", "use": "enc"}).as_dict(private=False),
        RSAKey.generate_key(2048, {"kid": "x", "alg": "RS512"}).as_dict(private=False),
        RSAKey.generate_key(2048).as_dict(private=False),
        {"kty": "RSA", "kid": "x", "n": "?", "e": "AQAB"},
        "x",
    ],
    ids=["secret", "short", "private", "EC", "for encryption", "RS512", "no kid", "broken", "word"],
)
def test_only_large_public_keys_for_our_signatures_are_taken(jwk: Any) -> None:
    async def play() -> None:
        world = World(published={"keys": [jwk, *jwks(key())["keys"]]})

        assert await world.good(world.token())
        assert await world.keys.ask("x") is None

    run(play())


def test_all_is_verified_again_when_the_clock_was_set() -> None:
    async def play() -> None:
        world = World()
        known = world.token(lives=300)
        assert await world.good(known)

        world.wall_offset += 600  # our clock was slow: in truth it has expired long ago
        world.bearer.look_at_the_clock()

        assert not await world.good(known)

    run(play())


def test_a_clock_set_back_does_not_let_tokens_live_longer_than_remembered() -> None:
    async def play() -> None:
        world = World()
        known = world.token(lives=300)
        assert await world.good(known)

        world.wall_offset -= 86_400
        world.bearer.look_at_the_clock()

        assert not await world.good(known)  # seen from here, it would live for a day

    run(play())


def test_the_memory_is_bounded_and_forgets_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    from gateway.proxy.identity import bearer

    async def play() -> None:
        monkeypatch.setattr(bearer, "REMEMBERED", 3)
        world = World()
        tokens = [world.token() for _ in range(5)]
        for each in tokens:
            assert await world.good(each)

        assert len(world.bearer) == 3
        assert [world.bearer.at_hand(each) is not None for each in tokens] == [False] * 2 + [
            True
        ] * 3

    run(play())


def test_the_figures_tell_why_tokens_were_refused() -> None:
    async def play() -> None:
        world = World()
        await world.good(world.token())
        await world.good(world.token(iss="elsewhere"))
        await world.good(b"Bearer rubbish")

        told = {
            (name, labels.get("reason")): value
            for name, _, _, labels, value in [*world.bearer.samples(), *world.keys.samples()]
        }
        assert told["bearer_cached", None] == 1
        assert told["bearer_refused_total", "wrong iss"] == 1
        assert told["bearer_refused_total", "no compact JWS"] == 1
        assert told["keys", None] == 1

    run(play())


def test_the_background_refresh_begins_when_keys_were_first_needed_and_survives_trouble() -> None:
    async def play() -> None:
        world = World()
        world.keys.start()
        await asyncio.sleep(0.02)
        assert world.asked == 0
        world.away = True
        world.keys.doubt()
        await asyncio.sleep(0.02)
        world.away = False
        world.keys.doubt()
        await asyncio.sleep(0.02)
        await world.keys.stop()

        assert world.asked == 2
        assert world.keys.at_hand("first") is not None

    run(play())


@pytest.mark.parametrize(("hears", "fetches"), [(True, 1), (False, 4)])
def test_while_we_could_not_hear_of_a_removal_we_ask_more_often(hears: bool, fetches: int) -> None:
    async def play() -> None:
        world = World()
        limits = KeyLimits(refresh=300.0, retry=0.01)
        keys = Keys(world.fetch, lambda: world.now, limits, hears=lambda: hears)
        keys.start()
        keys.doubt()
        await asyncio.sleep(0.05)
        for asked in range(1, 4):
            world.now += 6
            while not hears and world.asked <= asked:
                await asyncio.sleep(0.005)
        await keys.stop()

        assert world.asked == 1 if hears else world.asked >= fetches

    run(play())
