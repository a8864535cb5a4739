from trioserve.testing import Chat


async def test_two_people_talk(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")

    await ann.types("hello")

    await bob.sees("<ann> hello")
