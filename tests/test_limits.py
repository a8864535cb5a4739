import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trioserve.errors import ChatError
from trioserve.limits import TRIES, Door, DoorLimits, TokenBucket, Tries
from trioserve.observe import Counters
from trioserve.rooms.moderation import Source

ANN, BOB = "192.0.2.1", "192.0.2.2"  # RFC 5737
FULL = "the server is full; try again later"
TOO_MANY = "there are 2 connections from your address, the most; try again later"
TOO_OFTEN = "too many new connections from your address within 10 minutes; try again later"


# ------------------------------------------------------------ token bucket


def test_a_burst_need_not_wait() -> None:
    bucket = TokenBucket(burst=3, rate=2)

    delays = []
    for _ in range(4):
        delays.append(bucket.delay(100.0, 1))
        bucket.take(100.0, 1)

    assert delays == [0, 0, 0, 0.5]


def test_after_a_burst_tokens_come_at_the_rate() -> None:
    bucket = TokenBucket(burst=3, rate=2)
    bucket.take(100.0, 3)

    delays = [bucket.delay(100.0 + waited, 1) for waited in (0.0, 0.25, 0.5)]

    assert delays == [0.5, 0.25, 0]


def test_asking_for_the_delay_takes_nothing() -> None:
    bucket = TokenBucket(burst=1, rate=1)

    delays = [bucket.delay(100.0, 1) for _ in range(10)]

    assert delays == [0] * 10


def test_waiting_long_saves_up_no_more_than_a_burst() -> None:
    bucket = TokenBucket(burst=3, rate=2)
    bucket.take(100.0, 3)

    bucket.take(1_000_000.0, 3)

    assert bucket.delay(1_000_000.0, 1) == 0.5


def test_a_standing_clock_brings_no_tokens_back() -> None:
    bucket = TokenBucket(burst=1, rate=1000)
    bucket.take(100.0, 1)

    for _ in range(100):
        bucket.delay(100.0, 1)

    assert bucket.delay(100.0, 1) == 0.001


def test_what_is_dear_waits_for_all_its_tokens() -> None:
    bucket = TokenBucket(burst=4, rate=2)
    bucket.take(100.0, 2)

    assert bucket.delay(100.0, 4) == 1.0


def test_what_costs_more_than_a_burst_waits_for_a_full_bucket_only() -> None:
    bucket = TokenBucket(burst=4, rate=2)
    bucket.take(100.0, 2)

    assert bucket.delay(100.0, 1000) == 1.0


def test_a_debt_delays_what_comes_next() -> None:
    bucket = TokenBucket(burst=4, rate=2)

    bucket.take(100.0, 14)

    assert bucket.delay(100.0, 1) == 5.5


@given(
    burst=st.integers(1, 20),
    rate=st.sampled_from([0.25, 1, 5, 1024]),
    lines=st.lists(st.tuples(st.floats(0, 8), st.integers(1, 20)), min_size=1),
)
@settings(deadline=None)
def test_who_obeys_the_delay_never_gets_more_than_burst_and_rate_allow(
    burst: int, rate: float, lines: list[tuple[float, int]]
) -> None:
    bucket = TokenBucket(burst, rate)
    now = 100.0
    taken: list[tuple[float, int]] = []
    for pause, wanted in lines:
        cost = min(wanted, burst)
        now += pause
        now += bucket.delay(now, cost)
        bucket.take(now, cost)
        taken.append((now, cost))

    for first, (began, _) in enumerate(taken):
        total = 0
        for ended, cost in taken[first:]:
            total += cost
            assert total <= burst + rate * (ended - began) + 1e-6


# -------------------------------------------------------------------- door


def small_door(
    *, connections: int = 100, per_address: int = 100, new_per_address: int = 100
) -> Door:
    """A door where only the limits given matter."""
    limits = DoorLimits(connections, per_address, new_per_address, new_within=600.0)
    return Door(limits, Counters())


def test_who_may_come_in_is_counted() -> None:
    door = small_door()

    refusals = [door.enter(ANN, 0.0), door.enter(None, 0.0)]

    assert refusals == [None, None]
    assert door.open == 2
    assert door.counters.connections == 2


def test_a_full_server_refuses_everybody() -> None:
    door = small_door(connections=1)
    door.enter(ANN, 0.0)

    assert [door.enter(host, 0.0) for host in (BOB, "127.0.0.1", None)] == [FULL] * 3


def test_who_leaves_makes_room() -> None:
    door = small_door(connections=1)
    door.enter(ANN, 0.0)

    door.leave(ANN, 1.0)

    assert door.enter(BOB, 2.0) is None
    assert door.open == 1


def test_one_address_may_hold_so_many_connections_and_others_are_not_touched() -> None:
    door = small_door(per_address=2)

    refusals = [door.enter(ANN, 0.0) for _ in range(3)]

    assert refusals == [None, None, TOO_MANY]
    assert door.enter(BOB, 0.0) is None


def test_who_closes_a_connection_may_open_another() -> None:
    door = small_door(per_address=2)
    door.enter(ANN, 0.0)
    door.enter(ANN, 0.0)

    door.leave(ANN, 1.0)

    assert [door.enter(ANN, 2.0), door.enter(ANN, 2.0)] == [None, TOO_MANY]


def test_one_address_may_come_so_often_within_a_time() -> None:
    door = small_door(new_per_address=2)

    refusals = []
    for now in (0.0, 1.0, 2.0, 599.0):
        refusals.append(door.enter(ANN, now))
        if refusals[-1] is None:
            door.leave(ANN, now)

    assert refusals == [None, None, TOO_OFTEN, TOO_OFTEN]
    assert door.enter(BOB, 599.0) is None


def test_when_the_time_is_over_an_address_may_come_again() -> None:
    door = small_door(new_per_address=1)
    door.enter(ANN, 0.0)
    door.leave(ANN, 0.0)

    assert door.enter(ANN, 599.9) == TOO_OFTEN
    assert door.enter(ANN, 600.0) is None


def test_a_connection_outlives_the_time_in_which_it_was_new() -> None:
    door = small_door(per_address=2)
    door.enter(ANN, 0.0)
    door.enter(ANN, 0.0)

    assert door.enter(ANN, 6000.0) == TOO_MANY


def test_who_is_refused_is_counted_by_reason_and_not_as_open() -> None:
    door = small_door(connections=2, per_address=1)
    door.enter(ANN, 0.0)
    door.enter(ANN, 0.0)
    door.enter(BOB, 0.0)
    door.enter(BOB, 0.0)
    door.enter(None, 0.0)

    assert door.counters.refused == {"per_address": 1, "full": 2}
    assert door.counters.connections == door.open == 2


def test_who_is_refused_has_not_come() -> None:
    door = small_door(per_address=1, new_per_address=2)
    door.enter(ANN, 0.0)
    for _ in range(100):
        door.enter(ANN, 0.0)
    door.leave(ANN, 1.0)

    assert door.enter(ANN, 2.0) is None


def test_who_moves_is_counted_by_the_new_address_alone() -> None:
    door = small_door(per_address=1)
    door.enter(BOB, 0.0)

    assert door.move(BOB, ANN, 0.0) is None

    assert door.enter(BOB, 0.0) is None
    assert door.enter(ANN, 0.0) is not None
    door.leave(ANN, 1.0)
    assert door.enter(ANN, 1.0) is None
    assert door.open == 2


def test_who_may_not_move_counts_as_before() -> None:
    door = small_door(per_address=2)
    for host in (ANN, ANN, None):
        door.enter(host, 0.0)

    assert door.move(None, ANN, 0.0) == TOO_MANY

    assert door.counters.refused == {"per_address": 1}
    door.leave(None, 1.0)
    door.leave(ANN, 1.0)
    assert [door.enter(ANN, 1.0), door.enter(ANN, 1.0)] == [None, TOO_MANY]
    assert door.open == 2


def test_to_move_is_to_come() -> None:
    door = small_door(new_per_address=1)
    door.enter(None, 0.0)
    door.enter(None, 0.0)

    assert [door.move(None, ANN, 0.0) for _ in range(2)] == [None, TOO_OFTEN]


def test_a_full_server_lets_those_move_who_are_in() -> None:
    door = small_door(connections=1)
    door.enter(None, 0.0)

    assert door.move(None, ANN, 0.0) is None


@pytest.mark.parametrize(
    "host", [None, "127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"], ids=repr
)
def test_who_is_on_this_machine_is_not_limited_by_address(host: str | None) -> None:
    door = small_door(per_address=1, new_per_address=1)

    refusals = [door.enter(host, 0.0) for _ in range(10)]
    for _ in refusals:
        door.leave(host, 0.0)

    assert refusals == [None] * 10
    assert door.open == 0


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff"),  # one /64
        ("2001:db8::1", "2001:0DB8:0::0001"),
        ("fe80::1%eth0", "fe80::1%eth1"),
        ("192.0.2.1", "::ffff:192.0.2.1"),  # IPv4, as a socket for both families shows it
    ],
)
def test_addresses_of_one_subscriber_count_as_one(one: str, other: str) -> None:
    door = small_door(per_address=2)
    door.enter(one, 0.0)
    door.enter(other, 0.0)

    refused = door.enter(one, 0.0)
    door.leave(other, 1.0)

    assert refused == TOO_MANY
    assert door.enter(one, 2.0) is None


def test_another_64_is_another_subscriber() -> None:
    door = small_door(per_address=1)
    door.enter("2001:db8:1:2::1", 0.0)

    assert door.enter("2001:db8:1:3::1", 0.0) is None


def addresses(count: int) -> list[str]:
    return [f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}" for number in range(count)]


def test_who_is_inside_stays_counted_however_many_come_by() -> None:
    door = small_door(per_address=1)
    door.enter(ANN, 0.0)

    for host in addresses(3000):
        door.enter(host, 1000.0)
        door.leave(host, 1000.0)

    assert door.enter(ANN, 2000.0) is not None
    door.leave(ANN, 2000.0)
    assert door.enter(ANN, 2000.0) is None


def test_who_came_of_late_stays_counted_however_many_come_by() -> None:
    door = small_door(new_per_address=1)
    door.enter(ANN, 0.0)
    door.leave(ANN, 0.0)

    for host in addresses(3000):
        door.enter(host, 1.0)
        door.leave(host, 1.0)

    assert door.enter(ANN, 599.0) == TOO_OFTEN


def test_who_left_long_ago_is_forgotten() -> None:
    door = small_door()

    tracemalloc.start()
    try:
        for minute, host in enumerate(addresses(8000)):
            door.enter(host, 60.0 * minute)
            door.leave(host, 60.0 * minute)
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert kept < 700_000  # bytes; all 8000 take twice that


# -------------------------------------------------------------------- tries


def test_three_tries_of_one_source_within_a_minute_are_the_most() -> None:
    tries = Tries()
    for second in (0.0, 10.0, 20.0):
        tries.take("192.0.2.7", second)

    with pytest.raises(ChatError, match="3 wrong tries within 1m, the most; wait 35s"):
        tries.take("192.0.2.7", 25.0)
    tries.take("192.0.2.8", 25.0)
    tries.take("192.0.2.7", 60.0)


def test_on_this_machine_each_connection_has_three_tries_and_all_of_them_thirty() -> None:
    tries, peers = Tries(), [f"127.0.0.1:{port}" for port in range(50000, 50011)]
    for peer in peers[:10]:
        for second in range(TRIES):
            tries.take(Source(None, peer), second)
        with pytest.raises(ChatError, match="3 wrong tries within 1m, the most; wait 57s"):
            tries.take(Source(None, peer), 3.0)

    with pytest.raises(ChatError, match="30 wrong tries within 1m from this machine, the most"):
        tries.take(Source(None, peers[10]), 3.0)
    tries.take(Source("192.0.2.7", peers[10]), 3.0)
    tries.forgive(Source(None, peers[0]))
    tries.take(Source(None, peers[10]), 3.0)


def test_who_tried_long_ago_is_forgotten() -> None:
    tries = Tries()

    for minute in range(3000):
        tries.take(f"10.0.{minute >> 8}.{minute & 255}", 60.0 * minute)

    assert len(tries._tried) <= 1024
