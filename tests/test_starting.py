"""What a start of the server does not do: it is to listen within a second."""

import pytest

from tests.running import running

# What only some people need, some of the time; whoever imports it does so where it is needed.
SELDOM_NEEDED = """
    asyncio concurrent.futures curses decimal doctest email.parser fractions h11 http logging.config
    multiprocessing pdb prometheus_client pydoc pytest stackscope statistics unittest
    urllib.request uuid xml
    trioserve.archive.upkeep trioserve.examples trioserve.memory trioserve.operating.db
    trioserve.operating.monitor trioserve.operating.top trioserve.operating.topview
    trioserve.testing
""".split()

TELLS_MODULES = """
import sys
before = set(sys.modules)  # Python's own, and those of what measures which lines the tests run
from trioserve import cli
from trioserve.operating import process

def announce(*what, announce=process.announce):
    print(*(name for name in sys.modules if name not in before), flush=True)
    announce(*what)

process.announce = announce
sys.exit(cli.main())
"""


@pytest.mark.e2e
def test_a_server_that_listens_has_imported_nothing_that_is_seldom_needed() -> None:
    with running("--listen", "127.0.0.1:0", program=TELLS_MODULES) as server:
        imported = server.line().split()

    assert "trioserve.server" in imported
    assert [each for each in SELDOM_NEEDED if each in imported] == []
