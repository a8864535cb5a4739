"""What two say to each other alone: whom one answers, and what of it is kept."""

from trioserve.archive.private import copies
from trioserve.errors import ChatError
from trioserve.messages import Told
from trioserve.names import fold
from trioserve.rooms.member import Member
from trioserve.state.world import World


def correspondent(world: World, member: Member) -> Member:
    """With whom a member has last exchanged a private message.

    Raises:
        ChatError: if they are gone: their name may be somebody else's now.
    """
    other = member.correspondent
    if other is None:
        raise ChatError("you have exchanged no private message yet")
    if not world.is_here(other):
        raise ChatError(f"{other.nick}, whom you talked to, has left")
    return other


def forget_correspondents(world: World, account: str) -> None:
    """Let nobody answer who has left and owned an account, folded: it may be another's next."""
    for member in world.members.values():
        other = member.correspondent
        if other and fold(other.account) == account and not world.is_here(other):
            member.correspondent = None


def keep_told(world: World, told: Told, sender: Member, recipient: Member) -> None:
    """Have kept what one said to another alone, for those of them who have an account."""
    if world.keep is not None and (sender.account or recipient.account):
        for each in copies(told, fold(sender.account), fold(recipient.account)):
            world.keep(each)
