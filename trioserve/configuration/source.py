"""Where the configuration comes from: a file, the command line over it, a certificate beside it."""

import ssl
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import attrs

from trioserve.configuration.config import Config, Reading, examine_file
from trioserve.edge.addresses import Address, TcpAddress, UnixAddress
from trioserve.edge.certificates import BadCertificate, load
from trioserve.errors import ConfigError


@attrs.frozen
class Source:
    """What to read when the server starts, and again whenever it is told to."""

    path: Path | None = None  # None: the defaults
    listen: tuple[Address, ...] = ()  # in place of the file's, if there are any
    telnet: tuple[TcpAddress, ...] = ()  # likewise
    plugins: tuple[str, ...] = ()  # behind the file's
    metrics: Address | None = None  # in place of the file's
    data: str | None = None  # likewise

    def read(self) -> tuple[Config, ssl.SSLContext | None]:
        """Read all of it, and make of the certificate what TLS needs; blocks.

        Raises:
            ConfigError: naming every fault, each with its path.
        """
        reading = Reading() if self.path is None else examine_file(self.path)
        config = self._over(reading.config)
        problems = reading.problems
        context: ssl.SSLContext | None = None
        if reads_tls := reading.has("tls.certificate", "tls.key"):
            try:
                context = load(config.tls)
            except BadCertificate as error:
                reads_tls = False
                problems += error.faults
        if problems := [*problems, *_misplaced(config, lacks_tls=reads_tls and context is None)]:
            raise ConfigError(problems)
        return config, context

    def _over(self, config: Config) -> Config:
        """Put what the command line says over a configuration."""
        return attrs.evolve(
            config,
            listen=self.listen or config.listen,
            telnet=self.telnet or config.telnet,
            metrics=self.metrics or config.metrics,
            data=self.data or config.data,
            plugins=(*config.plugins, *self.plugins),
        )


def _misplaced(config: Config, *, lacks_tls: bool) -> Iterator[str]:
    """What is wrong with where to listen, taken together."""
    if isinstance(config.metrics, TcpAddress) and config.metrics.tls:
        yield f"metrics: expected an address without TLS, got {config.metrics}"
    pages = [] if config.metrics is None else [config.metrics]
    for address, times in Counter(map(_place, [*config.addresses, *pages])).items():
        if times > 1 and not (isinstance(address, TcpAddress) and address.port == 0):
            yield f"{address}: the same address {times} times in listen, telnet and metrics"
    if not lacks_tls:
        return
    for address in config.addresses:
        if isinstance(address, TcpAddress) and address.tls:
            yield f"tls.certificate: missing; {address} needs one, and tls.key"


def _place(address: Address) -> Address:
    """An address without what is done there."""
    if isinstance(address, TcpAddress):
        return TcpAddress(address.host, address.port)
    return UnixAddress(address.path)
