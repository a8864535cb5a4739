"""The configuration read anew while the server runs: taken as a whole, or not at all."""

import logging
import ssl
from typing import Final

import attrs
import trio

from trioserve.configuration.changes import Changes
from trioserve.configuration.config import Config
from trioserve.configuration.source import Source
from trioserve.edge.arrivals import Arrivals
from trioserve.errors import ConfigError
from trioserve.server import Server

PATIENCE: Final = 10.0  # seconds for the files to be read: one may be a pipe, or far away
NOTHING: Final = "there is no file to read the configuration from: start with --config FILE"

log = logging.getLogger(__name__)


@attrs.define(eq=False)
class Rereading:
    """Reads what a server was started with, and has the server take it."""

    source: Source
    server: Server
    arrivals: Arrivals
    asked: int  # connections.most as it was written: the server has what fits the open files
    # One at a time, and apart from other threads: of files that never come, one is stuck.
    _limiter: trio.CapacityLimiter = attrs.field(factory=lambda: trio.CapacityLimiter(1))

    async def reread(self) -> list[str]:
        """Read all of it, in a thread, and take it; return what came of it, line by line.

        That is logged, too. With a fault in it, nothing changes. Raises nothing.
        """
        if self.source.path is None:
            log.warning("%s", NOTHING)
            return [NOTHING]
        try:
            config, context = await self._read()
        except ConfigError as error:
            lines = [*error.problems, "nothing is changed: the old configuration stays"]
            for line in lines:
                log.error("%s", line)
            return lines
        lines = self._take(config, context)
        for line in lines:
            log.info("%s", line)
        return lines

    async def _read(self) -> tuple[Config, ssl.SSLContext | None]:
        try:
            with trio.fail_after(PATIENCE):
                return await trio.to_thread.run_sync(
                    self.source.read, abandon_on_cancel=True, limiter=self._limiter
                )
        except ConfigError:
            raise
        except trio.TooSlowError:
            problem = f"{self.source.path}: not read within {PATIENCE:g} seconds"
        except Exception:  # not a reason to end: the server has a configuration
            log.exception("reading the configuration crashed")
            problem = f"{self.source.path}: an error of the server's, which is logged"
        raise ConfigError([problem])

    def _take(self, config: Config, context: ssl.SSLContext | None) -> list[str]:
        if self.server.is_stopping:
            return ["the server is stopping: nothing is changed"]
        if config.connections.most == self.asked:
            fitting = self.server.config.connections.most
            config = attrs.evolve(
                config, connections=attrs.evolve(config.connections, most=fitting)
            )
        changes = self.server.apply(config)
        self.arrivals.handshake = self.server.config.tls.handshake
        self.arrivals.proxy = self.server.config.proxy
        if context is not None:
            self.arrivals.context = context
        return _told(changes, has_certificate=context is not None)


def _told(changes: Changes, *, has_certificate: bool) -> list[str]:
    lines = [f"taken: {', '.join(changes.taken)}"] if changes.taken else ["no key has changed"]
    if changes.needs_restart:
        names = ", ".join(changes.needs_restart)
        lines = [*(lines if changes.taken else ()), f"changed, but needs a restart: {names}"]
    if has_certificate:
        lines.append("the certificate is read anew, for connections to come")
    return lines
