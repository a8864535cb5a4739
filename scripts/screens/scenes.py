"""What the pictures show: real sessions, each with a server of its own."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import attrs

from scripts.screens.svg import Window, picture, window
from tests.running import running
from tests.screens import CTRL_L, CTRL_U, CURSOR, ENTER, LEFT, TAB, Viewer
from tests.terminals import HOST, Person, Street, open_street

ANYWHERE: Final = f"{HOST}:0"
TERM: Final = "xterm-256color"
THEMES: Final = ("default", "mono", "high-contrast", "none")
PASTED: Final = "1. stop the old server\n2. copy the files\n3. start it again"


@attrs.frozen
class Town:
    """A server with both of its ports, and two who have come by the plain one."""

    plain: Street
    rich: Street
    bob: Person
    carol: Person

    def ann(self, columns: int, rows: int) -> Viewer:
        """Somebody at telnet, in a window of that size."""
        ann = self.rich.at_screen("telnet", columns=columns, rows=rows, term=TERM)
        ann.gives_the_name("ann")
        return ann


@contextmanager
def _town() -> Iterator[Town]:
    with (
        running("--listen", ANYWHERE, "--telnet", ANYWHERE) as server,
        open_street(server.port()) as plain,
        open_street(server.port()) as rich,
    ):
        bob = plain.bystander("bob")
        yield Town(plain, rich, bob, plain.bystander("carol"))


def conversation() -> str:
    """Somebody types while others talk, and the draft stays as it is."""
    with _town() as town:
        town.bob.types("is the build green?")
        town.carol.sees("green?")
        town.carol.types("since ten minutes")
        town.bob.sees("minutes")
        ann = town.ann(80, 17)
        ann.types("hello")
        ann.sees("<ann> hello")
        ann.presses("let us release it after the meeting", *[LEFT] * len("after the meeting"))
        for who, line, seen in (
            (town.bob, "hi ann", "<bob> hi ann"),
            (town.carol, "ann: shall we release it? see https://example.org/plan", "/plan"),
            (town.bob, "/me waves", "** bob waves"),
            (town.carol, "/msg ann got a minute?", "carol -> you"),
        ):
            who.types(line)
            ann.sees(seen)
        ann.sees(f"release it {CURSOR}after")
        return picture([window(ann.screen, "ann at telnet")], "A conversation by telnet")


def themes() -> str:
    """The same conversation in each theme."""
    with _town() as town:
        ann = town.ann(52, 7)
        windows = [_in_theme(town, ann, theme) for theme in THEMES]
        return picture(windows, "The themes", across=2)


def _in_theme(town: Town, ann: Viewer, theme: str) -> Window:
    ann.types(f"/theme {theme}")
    ann.sees(f"-- the theme is {theme} now")
    ann.presses(CTRL_L)
    ann.shows_nothing_but(f"#lobby> {CURSOR}")
    for who, line, seen in (
        (town.bob, "is the build green, ann?", "green, ann?"),
        (town.carol, "see https://example.org/build", "/build"),
        (town.bob, "/me waves", "** bob waves"),
        (town.carol, "/topic Welcome!", "topic"),
        (town.carol, "/msg ann got a minute?", "carol -> you"),
    ):
        who.types(line)
        ann.sees(seen)
    ann.presses("hello", ENTER)
    ann.sees("<ann> hello")
    ann.shows(f"#lobby> {CURSOR}")
    return window(ann.screen, f"/theme {theme}")


def completion() -> str:
    """Tab once for what is common, twice for the choices."""
    with _town() as town:
        town.carol.types("/join #design", "/join #dev", "/room lobby")
        town.carol.sees("what you say goes to #lobby")
        ann = town.ann(80, 11)
        town.carol.types("we plan it in another room")
        ann.sees("another room")
        ann.presses("/ti", TAB, TAB)
        ann.sees("-- /time, /timezone")
        ann.presses(CTRL_U, "/jo", TAB, "#d", TAB)
        ann.sees(f"#lobby> /join #de{CURSOR}")
        ann.presses(TAB)
        ann.shows("-- #design, #dev", f"#lobby> /join #de{CURSOR}")
        return picture([window(ann.screen, "Tab, and Tab again")], "Completion")


def paste() -> str:
    """Several lines are pasted as one draft, and then sent."""
    with _town() as town:
        ann = town.ann(80, 8)
        town.bob.types("how do we release it?")
        ann.sees("release it?")
        ann.pastes(PASTED)
        draft = PASTED.replace("\n", "⏎")
        ann.sees(f"#lobby> {draft}{CURSOR}")
        town.carol.types("I would like to know, too")
        ann.shows("[00:00] <carol> I would like to know, too", f"#lobby> {draft}{CURSOR}")
        pasted = window(ann.screen, "pasted")
        ann.presses(ENTER)
        ann.shows("[00:00] <ann> 3. start it again", f"#lobby> {CURSOR}")
        sent = window(ann.screen, "and sent by Enter")
        return picture([pasted, sent], "A paste of several lines")


SCENES: Final[dict[str, Callable[[], str]]] = {
    each.__name__: each for each in (conversation, themes, completion, paste)
}
