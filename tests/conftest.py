"""What the tests share is what extenders have, too: the pytest plug-in."""

import os
from collections.abc import Iterator
from importlib.metadata import entry_points

import pytest
from hypothesis import HealthCheck, settings

PLUGIN = "trioserve.pytest_plugin"

# pytest refuses one module under two names. An installation of an earlier state, such as an
# editable one that was not renewed, does not offer it yet.
if PLUGIN not in {each.value for each in entry_points(group="pytest11")}:
    pytest_plugins = [PLUGIN]

# How long an example takes says more of the machine, and of what measures the lines that run.
settings.register_profile("ours", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ours")


@pytest.fixture(scope="session", autouse=True)
def data_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No server of a test's keeps anything where its developer's own does."""
    former = os.environ.get("XDG_DATA_HOME")
    os.environ["XDG_DATA_HOME"] = str(tmp_path_factory.mktemp("data"))
    yield
    if former is None:
        del os.environ["XDG_DATA_HOME"]
    else:
        os.environ["XDG_DATA_HOME"] = former


@pytest.fixture(autouse=True)
def own_data_home(
    request: pytest.FixtureRequest,
    data_home: None,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nor does one find there what another test's has kept: rooms wait for their people."""
    if request.node.get_closest_marker("e2e") is not None:
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("own-data")))


def pytest_itemcollected(item: pytest.Item) -> None:
    """Let a test run on a clock that jumps also if only a fixture of its asks for one."""
    # Not above: pytest rewrites what it loads as a plug-in, if it is the first to import it.
    from trioserve.pytest_plugin import run_on_a_clock_that_jumps

    if "autojump_clock" in getattr(item, "fixturenames", ()):
        item.add_marker(pytest.mark.trio(run=run_on_a_clock_that_jumps))
