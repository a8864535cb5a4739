"""What is measured, and the bar for trioserve."""

from typing import Final, Literal

import attrs

Kind = Literal["talk", "alone", "storm", "idle", "slow"]


@attrs.frozen
class Scenario:
    """One row of the benchmark; scenarios with one `crowd` share a run of the server."""

    name: str
    kind: Kind
    members: int
    rooms: int
    about: str
    rate: float | None = None  # messages per second in all; None: 100 in flight
    bar: float | None = None  # at most
    # What the bar is for.
    measured: Literal["ratio", "to plain", "cpu", "memory", "slowdown"] = "ratio"
    unit: str = "delivery"  # what CPU and speed are counted by
    plain: str | None = None  # the scenario that this one is, but for its members' character mode

    @property
    def crowd(self) -> tuple[str, int, int, bool]:
        kind = "talk" if self.kind == "talk" else self.name
        return (kind, self.members, self.rooms, self.plain is not None)


def _one_room(members: int, rate: int | None, bar: float | None) -> Scenario:
    pace = "100 messages in flight" if rate is None else f"{rate} messages/s"
    return Scenario(
        f"room-{members}-{rate or 'full'}",
        "talk",
        members,
        1,
        f"one room of {members}, {pace}",
        rate,
        bar,
    )


def _rich_room(members: int, rate: int | None) -> Scenario:
    plain = _one_room(members, rate, 2.0)
    return attrs.evolve(
        plain,
        name=plain.name.replace("room", "rich"),
        about=f"{plain.about}, all in telnet's character mode",
        measured="to plain",
        plain=plain.name,
    )


SCENARIOS: Final = {
    each.name: each
    for each in (
        _one_room(100, 10, 1.45),
        _one_room(100, 100, 1.45),
        _one_room(100, None, None),
        _rich_room(100, 100),
        _one_room(1000, 10, 1.15),
        _one_room(1000, 100, 1.15),
        _one_room(1000, None, 0.45),
        _rich_room(1000, 100),
        _rich_room(1000, None),
        _one_room(5000, 10, None),
        _one_room(5000, 100, 1.0),
        _one_room(5000, None, None),
        Scenario("rooms-2000", "talk", 2000, 500, "500 rooms of 4, 2000 messages/s", 2000, 1.9),
        Scenario("rooms-full", "talk", 2000, 500, "500 rooms of 4, 100 in flight", None, 1.8),
        Scenario(
            "alone",
            "alone",
            500,
            500,
            "500 people, each alone in a room, 2000 lines/s: what a line costs that reaches nobody",
            2000,
            unit="line",
        ),
        Scenario(
            "storm",
            "storm",
            2000,
            1,
            "2000 connect, log in and join one room at once",
            None,
            150.0,
            "cpu",
            "connection",
        ),
        Scenario(
            "idle",
            "idle",
            5000,
            1,
            "5000 in one room, nobody says a word",
            None,
            10.0,
            "memory",
            "connection",
        ),
        Scenario(
            "slow",
            "slow",
            200,
            1,
            "one room of 200, 100 messages/s, 20 of them have stopped reading",
            100,
            1.5,
            "slowdown",
        ),
    )
}
