"""What the themes mark, and whether it can be read."""

import re
from itertools import chain
from typing import get_args

import pytest

from trioserve.wire.style import Look, Screen, Style, Theme
from trioserve.wire.style import Theme as Name
from trioserve.wire.themes import theme_named

MARKED = [
    theme_named(name, colors)
    for name in ("default", "mono", "high-contrast")
    for colors in (8, 256)
]


def parameters() -> list[str]:
    themes = [theme for theme in MARKED if theme is not None]
    return [sgr for theme in themes for sgr in chain(theme.roles.values(), theme.nicks)]


def luminance(color: int) -> float:
    """Of one of the 256: WCAG 2.1, "relative luminance"."""
    if color >= 232:
        red = green = blue = 8 + 10 * (color - 232)
    else:
        steps = (0, 95, 135, 175, 215, 255)
        red, green, blue = (steps[(color - 16) // power % 6] for power in (36, 6, 1))
    linear = [
        each / 12.92 if each <= 0.03928 else ((each + 0.055) / 1.055) ** 2.4
        for each in (red / 255, green / 255, blue / 255)
    ]
    return sum(weight * each for weight, each in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("sgr", parameters())
def test_a_mark_is_nothing_but_sgr_parameters(sgr: str) -> None:
    assert re.fullmatch(r"[0-9]+(;[0-9]+)*", sgr)


def test_the_256_colours_can_be_read_on_black_and_on_white() -> None:
    theme = theme_named("default", 256)
    assert theme is not None
    colors = {
        int(found[1])
        for sgr in chain(theme.roles.values(), theme.nicks)
        if (found := re.search(r"(?<!48;5;)38;5;(\d+)", sgr))
    }

    for color in colors:
        assert (luminance(color) + 0.05) / 0.05 >= 3.5, color
        assert 1.05 / (luminance(color) + 0.05) >= 3.5, color


@pytest.mark.parametrize("colors", [0, 8, 256])
def test_mono_has_no_colours(colors: int) -> None:
    theme = theme_named("mono", colors)
    assert theme is not None

    assert set("".join([*theme.roles.values(), *theme.nicks])) <= set("147;")  # bold to reversed


@pytest.mark.parametrize("colors", [0, 8, 256])
def test_nothing_is_dim_in_high_contrast(colors: int) -> None:
    theme = theme_named("high-contrast", colors)
    assert theme is not None

    assert all("1" in sgr.split(";") for sgr in chain(theme.roles.values(), theme.nicks))


def test_few_colours_are_those_of_every_terminal() -> None:
    theme = theme_named("default", 8)
    assert theme is not None

    for sgr in chain(theme.roles.values(), theme.nicks):
        assert all(int(each) < 50 for each in sgr.split(";")), sgr


def test_a_nick_has_its_colour_in_any_case_and_in_every_process() -> None:
    theme = theme_named("default", 256)
    assert theme is not None

    assert theme.sgr("nick", "Ann") == theme.sgr("nick", "ann") == "38;5;100"
    assert len({theme.sgr("nick", f"nick{number}") for number in range(200)}) == 12


def test_no_theme_is_no_marks() -> None:
    assert theme_named("none", 256) is None


@pytest.mark.parametrize(
    ("chosen", "colors", "spoken", "holds"),
    [
        ("auto", 0, False, "none"),
        ("auto", 8, False, "default"),
        ("auto", 256, False, "default"),
        ("mono", 0, False, "mono"),
        ("none", 256, False, "none"),
        ("default", 256, True, "none"),
    ],
)
def test_which_theme_holds(chosen: Name, colors: int, spoken: bool, holds: str) -> None:
    style = Style(look=Look(theme=chosen, spoken=spoken), screen=Screen(colors=colors))

    assert style.theme == holds


def test_every_theme_has_a_table_or_is_none() -> None:
    for name in get_args(Theme):
        assert (theme_named(name, 256) is None) == (name in ("auto", "none"))
