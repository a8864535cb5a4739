"""The ways in which things go wrong, and who is told."""


class ChatError(Exception):
    """A person's mistake: its text is shown to them, and the session goes on."""


class InputEnded(ChatError):
    """A question cannot be answered: whoever was asked has ended their input."""


class PluginError(ChatError):
    """A plug-in cannot be had: its text names the file, and the line at fault."""


class ProtocolError(Exception):
    """Bytes that no client should send: the session ends with this text as its reason."""


class ConfigError(Exception):
    """The configuration cannot be used; `problems` names each fault with its path."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class ArchiveError(Exception):
    """What is to be kept cannot be written or read: its text says why, for operators."""


class DamagedError(ArchiveError):
    """What is kept is damaged: no other try will help."""
