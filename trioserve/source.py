"""Where the configuration comes from: a file, the command line over it, a certificate beside it."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import attrs

from trioserve.config import Config, read_config
from trioserve.edge.addresses import Address, TcpAddress
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
        config = read_config(self.path) if self.path is not None else Config()
        config = attrs.evolve(
            config,
            listen=self.listen or config.listen,
            telnet=self.telnet or config.telnet,
            metrics=self.metrics or config.metrics,
            data=self.data or config.data,
            plugins=(*config.plugins, *self.plugins),
        )
        faults: list[str] = []
        context: ssl.SSLContext | None = None
        try:
            context = load(config.tls)
        except BadCertificate as error:
            faults.append(str(error))
        has_certificate = context is not None or bool(faults)
        if faults := [*faults, *_misplaced(config, has_certificate=has_certificate)]:
            raise ConfigError(faults)
        return config, context


def _misplaced(config: Config, *, has_certificate: bool) -> Iterator[str]:
    """What is wrong with the addresses for TLS."""
    if isinstance(config.metrics, TcpAddress) and config.metrics.tls:
        yield f"metrics: expected an address without TLS, got {config.metrics}"
    if has_certificate:
        return
    for address in config.addresses:
        if isinstance(address, TcpAddress) and address.tls:
            yield f"tls.certificate: missing; {address} needs one, and tls.key"
