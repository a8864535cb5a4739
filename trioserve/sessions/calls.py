"""The commands that one person runs, and the questions that those ask.

A plain function is called. An async one runs as a child task in its caller's
session, one at a time. Whatever a command raises is its caller's affair alone.
"""

import inspect
import logging
import math
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final

import attrs
import trio

from trioserve.errors import ChatError
from trioserve.extending.context import Caller, Context
from trioserve.extending.declarations import Command, Permission
from trioserve.extending.guard import lone, parted, refusal_in
from trioserve.extending.plugin import Plugin, timed
from trioserve.messages import Noticed
from trioserve.outbox import Outbox
from trioserve.rooms.member import Member
from trioserve.sessions.call import Call, OnSecrets, Question
from trioserve.sessions.services import Services
from trioserve.wire.render import render

A_WHILE: Final = 3.0  # seconds that a command has run before who types behind it is told so

log = logging.getLogger(__name__)


@attrs.define(eq=False)
class Calls:
    """One person's calls of commands, of which at most one is under way."""

    member: Member
    outbox: Outbox
    services: Services
    caller: Caller
    nursery: trio.Nursery  # the session's
    on_finished: Callable[[], None]  # called when the call under way has ended
    _current: Call | None = attrs.field(default=None, init=False)
    _finished: trio.Event | None = attrs.field(default=None, init=False)  # somebody waits for it

    def call(self, command: Command, rest: str) -> None:
        """Call a command that does not wait."""
        plugin = self.services.plugins.owner(command)
        with self._guard(f"/{command.name}", plugin):
            self._check(command)
            ctx = self.context(plugin)
            values, named = command.bind(rest, ctx)
            with plugin.counted_call():
                answer = command.function(ctx, *values, **named)
            if inspect.iscoroutine(answer):
                answer.close()
                raise TypeError("it returned a coroutine: declare it with async def")

    def start(self, command: Command, rest: str) -> None:
        """Start a command as a task, unless one is under way."""
        plugin = self.services.plugins.owner(command)

        async def run() -> None:
            if command.secret:
                self.caller.expect_secret()  # first: a refusal may come already now
            self._check(command)
            await self.outbox.below_soft()
            call.answers = True
            ctx = self.context(plugin)
            values, named = command.bind(rest, ctx)
            with plugin.counted_call():
                answer = command.function(ctx, *values, **named)
            if inspect.isawaitable(answer):
                await timed(answer, plugin)

        call = Call(f"/{command.name}", run, plugin, command.timeout or math.inf)
        self._start(call)

    def start_sending(self, send: Callable[[], Awaitable[object]]) -> None:
        """Start to send a line that has to pass the filters, under the same guard as a command."""
        self._start(Call("your line", send, None))

    def start_showing(self, show: Callable[[], Awaitable[object]]) -> None:
        """Start to show what has come for one who is back, under the same guard as a command."""
        call = Call("your return", show, None)
        call.answers = True
        self._start(call)

    async def filtered(self, text: str) -> str:
        """The text as the filters let it pass; raises ChatError if one refuses it."""
        filters = self.services.plugins.filters
        return await self.context(filters[0][1]).passed(text) if filters else text

    def context(self, plugin: Plugin) -> Context:
        """What a plug-in's code acts through on this person's behalf."""
        return self.services.context(self.member, self.outbox, plugin, self.caller)

    def permits(self, command: Command) -> bool:
        """Whether the person may use a command here and now."""
        if command.permission is Permission.EVERYONE or self.member.is_operator:
            return True
        if command.permission is Permission.OPERATOR:
            return False
        return self.services.broker.world.owner(self.member.room) is self.member

    # --------------------------------------------------- while one is running

    @property
    def is_running(self) -> bool:
        return self._current is not None

    @property
    def is_answering(self) -> bool:
        """Whether something is under way that may have shown a part of its answer."""
        return self._current is not None and self._current.answers

    def tell_waiting(self) -> None:
        """Tell, once, who types behind a command that has run for a while."""
        call = self._current
        if call is not None and not call.told and trio.current_time() - call.began >= A_WHILE:
            call.told = True
            self._notice(f"{call.name} still runs, and your lines wait; /cancel ends it")

    def cancel(self) -> bool:
        """Cancel the call under way, which may take its time to go; whether there is one."""
        if self._current is None:
            return False
        self._current.scope.cancel()
        return True

    def cancel_answer(self) -> None:
        """Cancel the call whose answer is being read, if it is still under way."""
        if self._current is not None and self._current.answers:
            self._current.is_enough = True
            self._current.scope.cancel()

    def end_input(self) -> None:
        """Tell the question that it stays unanswered, and leave the call some seconds more."""
        if self._current is not None:
            grace = trio.current_time() + self.services.limits.grace
            self._current.scope.deadline = min(self._current.scope.deadline, grace)
            if self._current.question is not None:
                self._current.question.answered.set()

    def answer(self, text: str) -> bool:
        """Give the question that is asked its answer; whether one is."""
        return self._current is not None and self._current.answer(text)

    @property
    def asked(self) -> Question | None:
        """The question that the line that comes next is to answer; None: there is none."""
        return None if self._current is None else self._current.asked

    @property
    def has_secret(self) -> bool:
        """Whether what runs has been given a secret already."""
        return self._current is not None and bool(self._current.secrets)

    def expect(self, on_secrets: OnSecrets) -> None:
        """Have this called when the running command has ended, if that is who asks."""
        if (call := self._current) is not None and call.is_here:
            call.on_secrets = on_secrets

    @contextmanager
    def asking(self, on_secrets: OnSecrets | None = None) -> Iterator[Question]:
        """A question of the running command, to be answered by the line that comes next.

        With `on_secrets` it is for a secret: that is called in the end.

        Raises:
            RuntimeError: if something is asked already, or who asks is not what runs.
        """
        call = self._current
        if call is None or call.question is not None or not call.is_here:
            raise RuntimeError("only a running command may ask, and one question at a time")
        if on_secrets is not None:
            call.on_secrets = on_secrets
        with call.asking(is_secret=on_secrets is not None) as question:
            yield question

    # -------------------------------------------------------------- the task

    def _start(self, call: Call) -> None:
        self._current = call
        self.nursery.start_soon(self._perform, call, name=call.name)

    async def _perform(self, call: Call) -> None:
        call.begin()
        is_late = False
        # The guard is outermost: what a nursery of the command's raises beside its own
        # cancellation comes out of the scope without it.
        with self._guard(call.name, call.plugin) as failed, call.scope:
            if call.timeout == math.inf:  # nearly each: a scope takes 4 µs
                await _run(call)
            else:
                with trio.move_on_after(call.timeout) as limit:
                    await _run(call)
                is_late = limit.cancelled_caught
        if not failed:
            if is_late:
                self._notice(f"{call.name} took longer than {call.timeout:g} s, and was ended")
            elif call.scope.cancelled_caught and not call.is_enough:
                self._notice(f"{call.name} is cancelled")
        self._current = None
        if call.on_secrets is not None:
            call.on_secrets(bool(failed) or is_late, call.secrets)
        if self._finished is not None:
            self._finished.set()
        self.on_finished()

    async def finished(self) -> None:
        """Wait until nothing is under way, and all that came of it is told; checkpoints.

        The caller has a deadline.
        """
        await trio.lowlevel.checkpoint()
        if self._current is not None:
            self._finished = trio.Event()
            await self._finished.wait()

    @contextmanager
    def _guard(self, name: str, plugin: Plugin | None) -> Iterator[list[str]]:
        """Tell the caller what went wrong, also in the list yielded; nobody else notices."""
        told: list[str] = []
        try:
            yield told
        except BaseException as error:  # noqa: ASYNC103  (see guard.parted)
            crash, passing = parted(error)
            if crash is not None:
                told.append(self._told_of(crash, name, plugin))
            if passing is not None:
                raise passing from None  # noqa: ASYNC104  (see guard.parted)
        for text in told:
            self._notice(text)

    def _told_of(self, crash: BaseException, name: str, plugin: Plugin | None) -> str:
        """What the caller is told of what a command has raised; all but a refusal is logged."""
        if (refusal := refusal_in(crash)) is not None:
            return str(refusal)
        self.services.counters.crashes += 1
        if plugin is not None:
            plugin.count_error()
        log.error("%s: %s crashed", self.member.nick, name, exc_info=lone(crash))
        return f"{name} failed on the server; it has been logged"

    def _check(self, command: Command) -> None:
        if self.permits(command):
            return
        refusal = f"/{command.name} is for {command.permission.value}"
        if command.permission is Permission.OWNER and (room := self.member.room) is not None:
            refusal += f"; {room.name} belongs to {room.possessor}"
        raise ChatError(refusal)

    def _notice(self, text: str) -> None:
        self.outbox.put(render(Noticed(text), self.member.style()))


async def _run(call: Call) -> None:
    if call.plugin is None:
        await call.run()
    else:
        with call.plugin.running_call(call.scope):
            await call.run()
