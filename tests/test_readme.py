"""What the README shows is so."""

import re
from pathlib import Path

import attrs
import pytest

from trioserve.config import DEFAULT_LISTEN, Config, parse_config
from trioserve.registry import builtin

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def block(language: str, holding: str) -> str:
    """The first block of code in this language that holds a text."""
    blocks = re.finditer(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    return next(each[1] for each in blocks if holding in each[1])


def test_its_configuration_is_the_default_one() -> None:
    config = parse_config(block("toml", "[limits]"))

    assert attrs.evolve(config, listen=None) == Config()
    assert config.listen == DEFAULT_LISTEN


@pytest.mark.parametrize(
    ("section", "key"),
    [
        (section, key)
        for section, keys in attrs.asdict(Config()).items()
        if isinstance(keys, dict)
        for key in keys
    ],
)
def test_its_configuration_has_every_key(section: str, key: str) -> None:
    table = block("toml", "[limits]").split(f"[{section}]")[1].split("\n[")[0]

    assert re.search(rf"^{key} = ", table, re.MULTILINE)


def test_it_names_every_command() -> None:
    table = README.split("### Commands")[1].split("###")[0]

    for each in builtin():
        assert f"`{each.usage}`" in table.replace("\\|", "|")
