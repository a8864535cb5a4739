"""A few seeds with every run of the tests; `scripts/soak` runs as many as one likes."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sim import rulings
from tests.sim.chronicle import Wrong
from tests.sim.found import FOUND, Found
from tests.sim.mutants import MUTANTS, Mutant, mutated, planted, soak
from tests.sim.simulation import simulate

ROOT = Path(__file__).parent.parent.parent
PRINT_DIGEST = "from tests.sim.simulation import simulate; print(simulate(7).digest)"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_nothing_is_lost_doubled_or_out_of_order(seed: int) -> None:
    report = simulate(seed)

    assert report.messages > 0


@pytest.mark.slow
@pytest.mark.parametrize("found", FOUND, ids=lambda each: str(each.seed))
def test_what_a_seed_has_found_once_it_finds_no_more(found: Found) -> None:
    assert simulate(found.seed).messages > 0, found.what


@pytest.mark.slow
def test_a_hundred_people_at_once_are_served_likewise() -> None:
    assert simulate(49).deliveries > 5_000


@pytest.mark.slow
def test_a_seed_shows_everybody_the_same_bytes_in_any_process() -> None:
    digests = {
        subprocess.run(
            [sys.executable, "-c", PRINT_DIGEST],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout
        for hash_seed in ("1", "2")
    }

    assert digests == {f"{simulate(7).digest}\n"}


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda each: each.name)
def test_each_deliberate_bug_can_be_put_into_the_code_as_it_is(mutant: Mutant) -> None:
    compile(mutated(mutant), mutant.file, "exec")


@pytest.mark.slow
def test_a_seed_that_fails_fails_again_in_the_same_words() -> None:
    bug = next(each for each in MUTANTS if each.name == "what is skipped is miscounted")
    with planted(bug) as folder:
        failed = soak(folder, "--seeds", "100", "--fail-fast")
        found = re.search(r"^seed .*; scripts/soak (--seeds 1 --first \d+)$", failed, re.MULTILINE)
        assert found is not None, failed
        again = [
            soak(folder, *found[1].split(), PYTHONHASHSEED=hash_seed) for hash_seed in ("1", "2")
        ]

    assert [said.splitlines()[0] for said in again] == [found[0], found[0]]


@pytest.mark.slow
def test_a_seed_that_fails_tells_how_to_replay_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise Wrong("ann sees nothing")

    monkeypatch.setattr(rulings, "check", fail)

    with pytest.raises(Wrong) as raised:
        simulate(3)

    assert str(raised.value) == ("seed 3: ann sees nothing; scripts/soak --seeds 1 --first 3")
