"""What the tests share is what extenders have, too: the pytest plug-in."""

from importlib.metadata import entry_points

PLUGIN = "trioserve.pytest_plugin"

# pytest refuses one module under two names. An installation of an earlier state, such as an
# editable one that was not renewed, does not offer it yet.
if PLUGIN not in {each.value for each in entry_points(group="pytest11")}:
    pytest_plugins = [PLUGIN]
