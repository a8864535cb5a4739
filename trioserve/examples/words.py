"""A word filter: mild words are starred out, and spam is refused."""

import re

from trioserve import ChatError, Context, message_filter

MILD = re.compile(r"\b(darn|heck)\b", re.IGNORECASE)
SPAM = re.compile(r"https?://\S*casino", re.IGNORECASE)


@message_filter
def polite(ctx: Context, text: str) -> str:
    """Run for all that people say, do, announce, and set as a topic."""
    if SPAM.search(text):
        raise ChatError("not sent: no casinos here, please")
    return MILD.sub(lambda match: "*" * len(match[0]), text)
