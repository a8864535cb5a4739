"""What all sessions of a server share, the bounds they keep, and how one ends."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

import attrs
import trio

from trioserve.accounts.accounts import Accounts
from trioserve.accounts.forgetting import Forgetting
from trioserve.accounts.guardian import Guardian, where
from trioserve.accounts.letters import Letters
from trioserve.accounts.operators import Operators
from trioserve.accounts.returning import Returning
from trioserve.archive.pruning import Retention
from trioserve.broker.broker import Broker
from trioserve.extending.context import Caller, Context
from trioserve.extending.mentioning import Mentioned
from trioserve.extending.plugin import Plugin
from trioserve.extending.plugins import Plugins
from trioserve.extending.post import Post
from trioserve.limits import Tries
from trioserve.observe import Counters
from trioserve.outbox import Drains, Outbox
from trioserve.requests import Notify, Resume
from trioserve.rooms.member import Member
from trioserve.settings import setting
from trioserve.state.past import Past

CatchingUp = Callable[[], Awaitable[None]]  # shows what has come for one who is back


@attrs.frozen
class SessionLimits:
    """What one connection may do, and how long things may take."""

    max_line: int = setting(1024, "bytes; a longer line is refused")
    max_waiting: int = setting(8 * 1024, "bytes of lines that wait; with more, none is taken")
    flood_control: bool = setting(True, "whether the next four hold")
    burst: float = setting(10.0, "lines at once,")
    rate: float = setting(5.0, "then lines per second")
    byte_burst: float = setting(16 * 1024.0, "bytes at once,")
    byte_rate: float = setting(4 * 1024.0, "then bytes per second")
    renames: int = setting(5, "within renames_within")
    renames_within: float = setting(20.0, "seconds")
    login_lines: int = setting(20, "tries to give a name")
    login: float = setting(30.0, "seconds to give a name")
    grace: float = setting(5.0, "seconds for a running command when its caller's input has ended")
    drain: float = setting(8.0, "seconds to deliver what waits when a session ends")
    linger: float = setting(0.5, "seconds to read on for the peer's end")


@attrs.frozen
class Services:
    """What all sessions of a server share."""

    broker: Broker
    drains: Drains
    plugins: Plugins
    counters: Counters
    operators: Operators
    tries: Tries  # of the words by which one comes back
    past: Past
    retention: Retention
    accounts: Accounts
    guardian: Guardian
    forgetting: Forgetting
    letters: Letters
    returning: Returning
    rehash: Callable[[], Awaitable[list[str]]]  # reads the configuration anew
    limits: SessionLimits
    name: str  # of the server, as its greeting begins: "trioserve 0.1"
    first_room: str
    buffer: memoryview  # for everybody's receiving
    tls_port: int | None  # where TLS is spoken, if it is
    telnet_port: int  # where telnet is asked what it is; 0: nowhere

    def context(self, member: Member, outbox: Outbox, plugin: Plugin, caller: Caller) -> Context:
        """What a plug-in's code acts through on a person's behalf."""
        return Context(
            member=member,
            broker=self.broker,
            outbox=outbox,
            plugins=self.plugins,
            plugin=plugin,
            counters=self.counters,
            operators=self.operators,
            past=self.past,
            retention=self.retention,
            accounts=self.accounts,
            guardian=self.guardian,
            forgetting=self.forgetting,
            letters=self.letters,
            rehash=self.rehash,
            caller=caller,
            telnet_port=self.telnet_port,
        )

    async def resume(self, newcomer: Member, words: str, outbox: Outbox) -> CatchingUp | None:
        """Let a newcomer be the member whose words these are.

        Or be the owner of an account who was there when the last server ended. What has to
        be shown to owners is returned: it takes until they have read it.

        Raises:
            ChatError: if they are nobody's, or too many were tried.
        """
        source = newcomer.source  # the same before they have a name, and after
        self.tries.take(source, trio.current_time())
        if (account := await self.returning.owner_of(words)) is None:
            member = self.broker.resuming.owner_of(words, newcomer)
            await self.broker.call(newcomer, Resume(words))
            rest = self._letters_of(member, outbox).collect if member.account else None
        else:
            with self.returning.used(account):
                await self.guardian.come_back(newcomer, account, self.first_room)
            rest = partial(self._catch_up, newcomer, account, outbox)
        self.tries.forgive(source)
        return rest

    async def _catch_up(self, member: Member, account: str, outbox: Outbox) -> None:
        """Let an owner who is back be where they were, and show what has come for them."""
        refused = await self.guardian.rejoin(account, outbox.below_soft)
        if not self.broker.world.is_here(member):  # they go on as one who was here
            return
        for line in [*refused, f"you are {member.nick} again{where(member)}"]:
            await self.broker.call(member, Notify(line))
        if text := await Mentioned(member, self.broker.world.rooms, self.past).lately():
            await self.broker.call(member, Notify(text))
        await self._letters_of(member, outbox).collect()

    def _letters_of(self, member: Member, outbox: Outbox) -> Post:
        return Post(member, self.broker, outbox, self.letters)


@attrs.frozen
class Ending:
    """How a session ends."""

    cause: str  # for the log and the counters: one of few, and nothing that a person typed
    detail: str = attrs.field(default="", kw_only=True)  # of it, for the log alone
    reason: str = ""  # what others are told: "* ann left (reason)"; empty: nothing worth a word
    text: str = ""  # the person's own last words
    farewell: str = ""  # what its person is told; empty where nobody reads it
    cut: bool = False  # the server's or the network's doing, not the person's; counted
    is_loss: bool = False  # the connection broke: its person may come back

    @classmethod
    def because(cls, cause: str, farewell: str = "", *, detail: str = "") -> "Ending":
        """The connection is cut, and the others are told why."""
        return cls(cause, cause, detail=detail, farewell=farewell, cut=True)

    @classmethod
    def lost(cls, error: OSError) -> "Ending":
        """The connection broke: how is for the log, that it did for the people."""
        detail = error.strerror or str(error)
        return cls("connection lost", "connection lost", detail=detail, cut=True, is_loss=True)


INPUT_ENDED: Final = Ending("end of input")
CRASHED: Final = Ending.because(
    "an error of the server's", "an error of the server's ends this; it has been logged"
)
TAKEN_OVER: Final = Ending("taken over", farewell="you go on at another connection: goodbye")
SHUTDOWN: Final = Ending("shutdown", farewell="the server is shutting down: goodbye")
