"""What owners and operators can do, and what everybody concerned is told of it."""

from trioserve.testing import Chat

# ---------------------------------------------------------------- ownership


async def test_a_room_belongs_to_who_created_it(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    await ann.types("/join #dev")
    await bob.types("/join #dev", "/giveroom bob")

    await bob.sees("-- /giveroom is for the room's owner")
    await ann.types("/giveroom bob")

    await bob.sees("* ann gave #dev to bob")
    await ann.sees("* ann gave #dev to bob")


async def test_ownership_passes_to_the_longest_present_who_is_told_with_the_room(
    chat: Chat,
) -> None:
    ann, bob, carol = await chat.join("ann"), await chat.join("bob"), await chat.join("carol")
    for each in (ann, bob, carol):
        await each.types("/join #dev")

    await ann.types("/leave")

    assert await bob.sees("owns") == "* bob owns #dev now"
    await carol.sees("* bob owns #dev now")
    await bob.types("/quit")
    await carol.sees("* bob left")
    await carol.sees("* carol owns #dev now")


async def test_ownership_follows_a_rename(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    await ann.types("/join #dev", "/nick anna")
    await bob.types("/join #dev")

    await ann.types("/giveroom bob")

    await bob.sees("* anna gave #dev to bob")


async def test_an_owner_who_comes_back_is_a_member_like_others(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    await ann.types("/join #dev")
    await bob.types("/join #dev")

    await ann.types("/leave", "/join #dev", "/giveroom ann")

    await ann.sees("-- /giveroom is for the room's owner")


async def test_a_room_is_given_only_to_somebody_else_who_is_in_it(chat: Chat) -> None:
    ann = await chat.join("ann")
    await chat.join("bob")

    await ann.types("/join #dev", "/giveroom bob", "/giveroom ann", "/giveroom carol")

    await ann.sees("-- bob is not in #dev")
    await ann.sees("-- #dev belongs to ann already")
    await ann.sees("-- /giveroom: nick: nobody here is called carol")


async def test_the_first_room_belongs_to_the_operators(chat: Chat) -> None:
    ann, op = await chat.join("ann"), await chat.join("op", operator=True)

    await ann.types("/giveroom op")
    await op.types("/giveroom ann")

    await ann.sees("-- /giveroom is for the room's owner")
    await op.sees("-- #lobby belongs to the operators")


async def test_operators_may_what_owners_may_in_any_room(chat: Chat) -> None:
    ann, op = await chat.join("ann"), await chat.join("op", operator=True)
    await ann.types("/join #dev")

    await op.types("/join #dev", "/giveroom op")

    await ann.sees("* op gave #dev to op")
