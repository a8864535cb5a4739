"""The corpus, and what hypothesis makes of it: ``scripts/fuzz`` does so for longer."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).parent / "corpus"
INPUTS = sorted(path for path in CORPUS.glob("*/*") if path.is_file())


@pytest.mark.parametrize("path", INPUTS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_what_has_been_found_once_stays_mended(path: Path) -> None:
    TARGETS[path.parent.name](path.read_bytes())


def test_each_target_has_a_corpus_and_each_corpus_a_target() -> None:
    assert {path.parent.name for path in INPUTS} == set(TARGETS)


def pieces(name: str) -> st.SearchStrategy[bytes]:
    """Bytes of any kind, among pieces of the corpus: what matters is rarely hit by chance."""
    seeds = [path.read_bytes() for path in INPUTS if path.parent.name == name]
    words = [seed[at : at + 8] for seed in seeds for at in range(0, min(len(seed), 200), 4)]
    return st.lists(
        st.sampled_from(seeds) | st.sampled_from(words) | st.binary(max_size=6), max_size=12
    ).map(b"".join)


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_breaks_its_promises(name: str) -> None:
    @given(pieces(name))
    @settings(max_examples=150, deadline=None)
    def holds(data: bytes) -> None:
        TARGETS[name](data[:4096])

    holds()
