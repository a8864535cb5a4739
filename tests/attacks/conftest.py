from collections.abc import Iterator

import pytest

from tests.attacks.siege import Siege, open_siege


@pytest.fixture(scope="module")
def siege() -> Iterator[Siege]:
    """One server for all attacks of a file: what one leaves behind, the next would find."""
    with open_siege() as siege:
        yield siege
