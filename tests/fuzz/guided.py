"""One target under libFuzzer: ``python -m tests.fuzz.guided TARGET [libFuzzer's options]``."""

import sys

import atheris

with atheris.instrument_imports(include=["trioserve", "tomllib"]):
    from tests.fuzz.targets import TARGETS

target = TARGETS[sys.argv.pop(1)]
atheris.Setup(sys.argv, target)
atheris.Fuzz()
