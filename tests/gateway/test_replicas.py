"""Several replicas of a service: who gets the next request, who is passed over, and for how long."""

from __future__ import annotations

from collections import Counter

import pytest

from gateway.proxy.upstream.cluster import Cluster
from gateway.proxy.upstream.pool import Address, PoolLimits
from gateway.proxy.upstream.replica import Judging, Replica
from gateway.refusals import Refused

JUDGING = Judging(slow_start=10.0, eject_seconds=5.0, failures=5)


class Time:
    """A clock that a test moves."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


def cluster_of(count: int, time: Time) -> Cluster:
    cluster = Cluster("shop", PoolLimits(), JUDGING, time)
    cluster.configure(Address("127.0.0.1", 9000 + at) for at in range(count))
    return cluster


def fail(replica: Replica, times: int = JUDGING.failures) -> None:
    for _ in range(times):
        replica.done(ok=False)


def picks(cluster: Cluster, count: int) -> Counter[int]:
    return Counter(cluster.pick().address.port - 9000 for _ in range(count))


# Balancing


@pytest.mark.parametrize("count", [2, 3, 4])
def test_requests_one_after_the_other_go_round(time: Time, count: int) -> None:
    assert picks(cluster_of(count, time), count * 10) == dict.fromkeys(range(count), 10)


def test_the_replica_with_the_fewest_requests_gets_the_next(time: Time) -> None:
    cluster = cluster_of(3, time)
    for replica, busy in zip(cluster.replicas, (4, 1, 3), strict=True):
        replica.pool.opened = busy

    assert picks(cluster, 12) == {1: 12}


def test_of_many_a_busy_one_is_rarely_chosen_and_an_idle_one_often(time: Time) -> None:
    cluster = cluster_of(10, time)
    cluster.replicas[0].pool.opened = 50

    chosen = picks(cluster, 1000)

    assert chosen[0] == 0
    assert min(chosen[at] for at in range(1, 10)) > 30


def test_with_one_replica_there_is_no_choice_whatever_it_does(time: Time) -> None:
    cluster = cluster_of(1, time)
    [only] = cluster.replicas

    fail(only, 1000)

    assert cluster.pick() is only
    assert cluster.pick(avoid={only}) is only
    assert only.state == "fit"


def test_a_replica_that_is_to_be_avoided_is_while_there_is_another(time: Time) -> None:
    cluster = cluster_of(3, time)
    one, two, three = cluster.replicas

    assert {cluster.pick(avoid={one, two}) for _ in range(9)} == {three}
    assert cluster.pick(avoid={one, two, three}) in cluster.replicas


def test_a_cluster_with_nobody_in_it_is_refused_in_words(time: Time) -> None:
    with pytest.raises(Refused) as caught:
        cluster_of(0, time).pick()
    assert caught.value.status == 502


# Slow start


def test_a_new_replica_begins_with_few_requests_and_gets_its_share_in_time(time: Time) -> None:
    cluster = cluster_of(2, time)
    cluster.configure(Address("127.0.0.1", 9000 + at) for at in range(3))

    at_once = picks(cluster, 900)[2]
    time.now += 5
    half_way = picks(cluster, 900)[2]
    time.now += 6
    warm = picks(cluster, 900)[2]

    assert 0 < at_once < 90
    assert at_once < half_way < 250
    assert warm == 300


def test_the_first_replicas_of_a_cluster_need_no_slow_start(time: Time) -> None:
    cluster = cluster_of(2, time)

    assert [each.warmth(time.now) for each in cluster.replicas] == [1.0, 1.0]


# Passing over


def test_failures_in_a_row_end_in_a_pause_that_grows_and_then_it_is_tried_again(
    time: Time,
) -> None:
    cluster = cluster_of(2, time)
    bad, good = cluster.replicas
    pauses = []

    for _ in range(3):
        fail(bad)
        assert bad.state == "ejected"
        assert {cluster.pick() for _ in range(9)} == {good}
        pauses.append(bad.ejected_until - time.now)
        time.now = bad.ejected_until + 0.1
        cluster.look()
        assert bad.state == "fit"
        assert bad.warmth(time.now) < 0.2

    assert 4.5 <= pauses[0] <= 5.5
    assert 1.6 < pauses[1] / pauses[0] < 2.5
    assert 1.6 < pauses[2] / pauses[1] < 2.5
    assert cluster.ejections == 3


def test_one_success_makes_up_for_failures_before_it(time: Time) -> None:
    cluster = cluster_of(2, time)
    replica = cluster.replicas[0]

    for _ in range(10):
        fail(replica, JUDGING.failures - 1)
        replica.done(ok=True)

    assert replica.state == "fit"


@pytest.mark.parametrize(("count", "most"), [(2, 1), (3, 1), (4, 2), (5, 2)])
def test_never_are_more_than_half_passed_over_for_failures(
    time: Time, count: int, most: int
) -> None:
    cluster = cluster_of(count, time)

    for replica in cluster.replicas:
        fail(replica, 50)

    assert [each.state for each in cluster.replicas].count("ejected") == most
    assert len(cluster.fit) == count - most


def test_who_answers_much_worse_than_the_others_is_passed_over(time: Time) -> None:
    cluster = cluster_of(3, time)
    bad = cluster.replicas[0]

    for replica in cluster.replicas:
        for number in range(40):
            replica.done(ok=number % 3 == 0 if replica is bad else True)
    time.now += 6
    cluster.look()

    assert [each.state for each in cluster.replicas] == ["ejected", "fit", "fit"]


def test_when_all_answer_badly_nobody_is_to_blame(time: Time) -> None:
    cluster = cluster_of(3, time)

    for replica in cluster.replicas:
        for number in range(40):
            replica.done(ok=number % 3 == 0)
    time.now += 6
    cluster.look()

    assert [each.state for each in cluster.replicas] == ["fit"] * 3


def test_when_nobody_is_fit_all_are_used(time: Time) -> None:
    cluster = cluster_of(3, time)
    for replica in cluster.replicas:
        for _ in range(JUDGING.down_after):
            cluster.checked(replica, passed=False)

    assert cluster.panic
    assert picks(cluster, 30) == {0: 10, 1: 10, 2: 10}


def test_a_draining_replica_is_the_last_resort(time: Time) -> None:
    cluster = cluster_of(2, time)
    leaving, staying = cluster.replicas
    leaving.draining = True
    cluster.sort_out()
    assert picks(cluster, 10) == {1: 10}

    for _ in range(JUDGING.down_after):
        cluster.checked(staying, passed=False)
    assert picks(cluster, 10) == {1: 10}

    cluster.remove(staying)
    assert picks(cluster, 10) == {0: 10}


def test_good_behaviour_makes_up_for_ejections(time: Time) -> None:
    cluster = cluster_of(2, time)
    replica = cluster.replicas[0]
    fail(replica)
    time.now = replica.ejected_until + 0.1
    cluster.look()

    for _ in range(3):
        time.now += 61
        cluster.look()

    assert replica.ejections == 0
