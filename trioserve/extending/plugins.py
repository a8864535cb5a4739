"""Plug-ins: what a server can do, by the module that it comes from.

Those in ``trioserve/commands/`` are no different from anybody's own.
"""

import logging
import pkgutil
import sys
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, Final

import trio

from trioserve.broker.broker import Broker
from trioserve.errors import PluginError
from trioserve.extending.converters import forget
from trioserve.extending.declarations import (
    Command,
    Declaration,
    Filter,
    declaration_of,
    declared_in,
)
from trioserve.extending.loading import loaded, name_of
from trioserve.extending.plugin import Plugin
from trioserve.extending.registry import Registry

BUILT_IN: Final = "trioserve.commands"  # the package whose modules are in every server
ENTRY_POINTS: Final = "trioserve.plugins"  # the group under which packages offer plug-ins
MOST: Final = 1000  # plug-ins that wait to be run


log = logging.getLogger(__name__)


class Plugins:
    """The plug-ins of one server, and what they add up to.

    `registry` and `filters` are made anew, whole, with each change: whoever looks
    finds the old ones or the new ones, and a change that cannot be is no change.
    """

    def __init__(self) -> None:
        self.registry = Registry()
        self.filters: list[tuple[Filter, Plugin]] = []
        self._declared: dict[Plugin, list[Declaration]] = {}
        self._owners: dict[Declaration, Plugin] = {}
        self._send, self._to_run = trio.open_memory_channel[Plugin](MOST)

    def __iter__(self) -> Iterator[Plugin]:
        return iter(self._declared)

    def named(self, name: str) -> Plugin:
        """Raises PluginError if there is none of this name."""
        for plugin in self:
            if plugin.name == name:
                return plugin
        raise PluginError(f"there is no plug-in {name}; /plugins lists them")

    def owner(self, command: Command) -> Plugin:
        """The plug-in of a command that has just been found."""
        return self._owners[command]

    def install(self, source: str, *, compiled: bool = False) -> Plugin:
        """Load a plug-in from ``FILE.py`` or ``package.module``; see `loaded` for `compiled`.

        Raises:
            PluginError: if that fails, naming the line at fault; nothing has changed then.
        """
        with loaded(source, compiled=compiled) as module:
            return self._put(Plugin(name_of(source), source, declared_in(module), module.__name__))

    def add(self, name: str, functions: Iterable[Callable[..., Any]]) -> Plugin:
        """Take in functions that are declared already; raises PluginError as `install`."""
        return self._put(Plugin(name, None, [declaration_of(each) for each in functions]))

    def reload(self, name: str) -> None:
        """Load a plug-in anew for the calls to come; those that run finish with the old code.

        Its services are ended, and those of the new code started. Its store and
        its background tasks stay.

        Raises:
            PluginError: as `install`; the old one stays in place then.
        """
        plugin = self.named(name)
        if plugin.source is None:
            raise PluginError(f"{name} has no file to load it from")
        with loaded(plugin.source) as module:
            self._combine({**self._declared, plugin: declared_in(module)})
        plugin.restart_services()

    def remove(self, name: str) -> None:
        """Take a plug-in out, and end its services and its running commands.

        Raises:
            PluginError: if there is none of this name.
        """
        plugin = self.named(name)
        self._combine({each: all_ for each, all_ in self._declared.items() if each is not plugin})
        plugin.end()
        if plugin.module is not None:
            forget(plugin.module)
            sys.modules.pop(plugin.module, None)

    async def run(self, broker: Broker) -> None:
        """Run what each plug-in does by itself, until cancelled."""
        async with trio.open_nursery() as nursery:
            async for plugin in self._to_run:
                nursery.start_soon(plugin.run, broker, name="plug-in")

    def _put(self, plugin: Plugin) -> Plugin:
        if any(each.name == plugin.name for each in self):
            raise PluginError(f"there is a plug-in {plugin.name} already")
        self._combine({**self._declared, plugin: plugin.declarations})
        self._send.send_nowait(plugin)
        log.debug("plug-in %s loaded", plugin.name)
        return plugin

    def _combine(self, declared: dict[Plugin, list[Declaration]]) -> None:
        """Make the whole anew; raises PluginError if that cannot be, and nothing has changed."""
        owners = {
            each: plugin for plugin, declarations in declared.items() for each in declarations
        }
        try:
            registry = Registry(each for each in owners if isinstance(each, Command))
        except TypeError as error:
            raise PluginError(str(error)) from None
        self.registry, self._owners, self._declared = registry, owners, declared
        self.filters = [(each, owners[each]) for each in owners if isinstance(each, Filter)]
        for plugin, declarations in declared.items():
            plugin.declarations = declarations


def built_in() -> Plugins:
    """The plug-ins of every server: a file in ``trioserve/commands/`` is one."""
    plugins = Plugins()
    for found in pkgutil.iter_modules(import_module(BUILT_IN).__path__):
        # To compile them each time takes 40 of the 500 ms that a start does.
        plugins.install(f"{BUILT_IN}.{found.name}", compiled=True)
    return plugins


def offered() -> list[str]:
    """The sources that installed packages offer as entry points: ``package.module`` each."""
    return [each.module for each in entry_points(group=ENTRY_POINTS)]
