"""What is kept, asked for on behalf of a person: they wait a while, and are told if it fails."""

import logging
from typing import Final, TypeVar

import trio

from trioserve.archive.archives import Archive
from trioserve.archive.database import Query
from trioserve.errors import ArchiveError, ChatError

ANSWER: Final = 5.0  # seconds to wait for a disk

T = TypeVar("T")

log = logging.getLogger(__name__)


async def ask(archive: Archive, query: Query[T], refusal: str) -> T:
    """What a query makes of all that is kept; checkpoints.

    Raises:
        ChatError: with `refusal`, if there is no answer within ANSWER seconds, or it fails.
    """
    try:
        with trio.fail_after(ANSWER):
            return await archive.read(query)
    except trio.TooSlowError:
        log.error("%s: no answer within %g seconds", archive.name, ANSWER)
    except ArchiveError as error:
        log.error("cannot be read: %s", error)
    raise ChatError(refusal)
