"""The ways in which things go wrong, and who is told."""


class ChatError(Exception):
    """A person's mistake: its text is shown to them, and the session goes on."""


class InputEnded(ChatError):
    """A question cannot be answered: whoever was asked has ended their input."""


class PluginError(ChatError):
    """A plug-in cannot be had: its text names the file, and the line at fault."""


class AbsentError(ChatError):
    """Whose own a name is, is not here: what was to be said to them can be left, under an id."""

    def __init__(self, name: str, message_id: int, why: str) -> None:
        super().__init__(why)
        self.name = name
        self.id = message_id


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
