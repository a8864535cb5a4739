import re
import unicodedata
from collections.abc import Callable

import attrs
import pyte
import pyte.screens
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from trioserve.wire.editor import Editor
from trioserve.wire.happenings import (
    CompletionWanted,
    Ended,
    Happening,
    Interrupted,
    LineRefused,
    PasteRefused,
    Submitted,
)
from trioserve.wire.keys import Key, Keystroke, Paste

PROMPT = "#lobby> "
MARK = "⏎"
SCREENS = {(80, 24): PROMPT, (40, 10): PROMPT, (200, 50): PROMPT, (10, 5): "#lo> "}
WIDTHS = {"漢": 2, "🙂": 2}  # all others that the tests type have one column


def editor(width: int = 80, **options: int) -> Editor:
    """An editor that has been drawn."""
    made = Editor(width, PROMPT, **options)
    made.take_output()
    return made


def press(editor: Editor, *keys: Keystroke | str) -> list[Happening]:
    """Press keys; a string is typed character by character."""
    happenings = []
    for key in keys:
        for each in key if isinstance(key, str) else [key]:
            happenings += editor.feed(each)
    return happenings


def submit(editor: Editor) -> list[str]:
    return [each.text for each in press(editor, Key.ENTER) if isinstance(each, Submitted)]


# ------------------------------------------------- against a terminal emulator
#
# pyte has quirks, and so what is typed and printed here is chosen:
# - It drops what follows a joiner or variation selector in the same write, and takes
#   emoji of several code points for several. So there are none; see test_row.
# - It puts a wide character in the last column, where terminals go to the next line. So
#   lines that wrap have no wide ones.
# - It goes to the next line for a combining mark behind a full one. So those that are
#   printed have no marks; those that are typed have (the row never fills the last column).

UNITS = ["a", "b", " ", "å", "e\u0301", "漢", "🙂"]
units = st.sampled_from(UNITS)
keys = st.sampled_from(
    [Key.LEFT] * 4 + [Key.RIGHT] * 2 + [Key.BACKSPACE] * 2 + [Key.UP, Key.DOWN, Key.ENTER]
    + [Key.HOME, Key.END, Key.DELETE, Key.KILL_LEFT, Key.KILL_RIGHT, Key.TRANSPOSE]
    + [Key.INTERRUPT, Key.CLEAR_SCREEN, Key.ESCAPE, Key.TAB]
)  # fmt: skip
lines = st.lists(st.text("abc xyzå.", max_size=90), min_size=1, max_size=3)


@attrs.frozen
class Typed:
    units: list[str]


@attrs.frozen
class Pasted:
    units: list[str]


@attrs.frozen
class Printed:
    lines: list[str]


@attrs.frozen
class Resized:
    width: int


Deed = Key | Typed | Pasted | Printed | Resized

deeds = st.lists(
    st.tuples(
        st.lists(units, max_size=30).map(Typed)
        | st.lists(units | st.just("\n"), max_size=30).map(Pasted)
        | lines.map(Printed)
        | keys,
        st.booleans(),  # whether it is drawn before the next
    ),
    max_size=25,
)


@attrs.define
class Model:
    """Who types, and what is to be on their screen: the same, as simple as can be."""

    width: int
    rows: list[str] = attrs.field(factory=list)
    draft: list[str] = attrs.field(factory=list)
    cursor: int = 0
    history: list[str] = attrs.field(factory=list)
    back: int = 0
    typed: tuple[list[str], int] = ([], 0)

    def does(self, deed: Deed, *, at_once: bool) -> None:
        match deed:
            case Typed() | Pasted():
                self.draft[self.cursor : self.cursor] = deed.units
                self.cursor += len(deed.units)
            case Printed() if not at_once:
                for line in deed.lines:
                    self.rows += wrapped(f"-- {line}", self.width - 1, 3)
            case Printed():
                for line in deed.lines:
                    starts = range(0, max(len(line), 1), self.width)
                    self.rows += [line[at : at + self.width].rstrip() for at in starts]
            case Resized():
                self.width = deed.width
                self.rows = [row[: deed.width].rstrip() for row in self.rows]  # as xterm does
            case Key():
                self.presses(deed)

    def presses(self, key: Key) -> None:  # noqa: C901 - a table would be longer
        match key:
            case Key.LEFT:
                self.cursor = max(self.cursor - 1, 0)
            case Key.RIGHT:
                self.cursor = min(self.cursor + 1, len(self.draft))
            case Key.HOME:
                self.cursor = 0
            case Key.END:
                self.cursor = len(self.draft)
            case Key.BACKSPACE if self.cursor:
                self.cursor -= 1
                del self.draft[self.cursor]
            case Key.DELETE:
                del self.draft[self.cursor : self.cursor + 1]
            case Key.KILL_LEFT:
                del self.draft[: self.cursor]
                self.cursor = 0
            case Key.KILL_RIGHT:
                del self.draft[self.cursor :]
            case Key.TRANSPOSE if len(self.draft) > 1 and self.cursor:
                at = min(self.cursor, len(self.draft) - 1)
                self.draft[at - 1 : at + 1] = self.draft[at], self.draft[at - 1]
                self.cursor = at + 1
            case Key.ENTER:
                for line in "".join(self.draft).split("\n"):
                    if line.strip() and self.history[-1:] != [line]:
                        self.history.append(line)
                self.becomes([], 0, back=0)
            case Key.INTERRUPT:
                self.becomes([], 0, back=0)
            case Key.CLEAR_SCREEN:
                self.rows = []
            case Key.UP if self.back < len(self.history):
                if not self.back:
                    self.typed = self.draft, self.cursor
                self.recalls(self.back + 1)
            case Key.DOWN if self.back > 1:
                self.recalls(self.back - 1)
            case Key.DOWN if self.back == 1:
                self.becomes(*self.typed, back=0)

    def recalls(self, back: int) -> None:
        line = units_of(self.history[-back])
        self.becomes(line, len(line), back)

    def becomes(self, draft: list[str], cursor: int, back: int) -> None:
        self.draft, self.cursor, self.back = list(draft), cursor, back


def wrapped(line: str, window: int, indent: int) -> list[str]:
    """The rows of a line that is broken between words, or within one that fits none."""
    rows: list[str] = []
    row = ""
    for blanks, word in re.findall("( *)([^ ]+)", line):
        room = window - indent if rows else window
        if len(row + blanks + word) <= room:
            row += blanks + word
            continue
        if len(word) <= window - indent:
            rows.append(row)
            row = word
            continue
        row += blanks + word
        while len(row) > (room := window - indent if rows else window):
            rows.append(row[:room])
            row = row[room:].lstrip()  # the blanks at which it is broken are on no row
    indents = ["", *[" " * indent] * len(rows)]
    return [before + each.rstrip() for before, each in zip(indents, [*rows, row], strict=True)]


def units_of(text: str) -> list[str]:
    return re.findall(".\u0301?", text)


@attrs.define
class Terminal:
    """An emulator, and the editor whose output it is sent."""

    screen: pyte.Screen
    stream: pyte.ByteStream
    editor: Editor

    def does(self, deed: Deed, *, at_once: bool) -> None:
        match deed:
            case Typed():
                press(self.editor, *deed.units)
            case Pasted():
                self.editor.feed(Paste("".join(deed.units)))
            case Printed() if at_once:
                data = "".join(f"{line}\r\n" for line in deed.lines).encode()
                self.stream.feed(self.editor.above(data))
            case Printed():
                for line in deed.lines:
                    self.editor.print_above(line)
            case Resized():
                self.screen.resize(columns=deed.width)
                self.editor.resize(deed.width)
            case Key():
                self.editor.feed(deed)
        if at_once:
            self.stream.feed(self.editor.take_output())

    def rows(self) -> list[str]:
        """What is on the screen. Behind a wide character pyte has an empty cell."""
        rows = range(self.screen.lines)
        columns = range(self.screen.columns)
        texts = ("".join(self.screen.buffer[y][x].data for x in columns) for y in rows)
        return [unicodedata.normalize("NFC", text).rstrip() for text in texts]


def terminal(width: int, height: int) -> Terminal:
    screen = pyte.Screen(width, height)
    return Terminal(screen, pyte.ByteStream(screen), Editor(width, PROMPT))


def check(terminal: Terminal, model: Model, prompt: str) -> None:
    """The screen has the last rows printed, the row of the editor, and nothing below."""
    rows, cursor = terminal.rows(), terminal.screen.cursor
    assert rows[: cursor.y] == model.rows[-(terminal.screen.lines - 1) :]
    assert not any(rows[cursor.y + 1 :])
    assert (rows[cursor.y], cursor.x) in allowed_rows(model, prompt)


def allowed_rows(model: Model, prompt: str) -> list[tuple[str, int]]:
    """What the editor may show, and where the cursor is then: how it scrolls is up to it.

    It shows as many whole characters as fit, the one at the cursor among them, and
    all if all fit.
    """
    shown = [MARK if unit == "\n" else unit for unit in model.draft]
    widths = [WIDTHS.get(unit, 1) for unit in shown]
    room = model.width - len(prompt) - 1
    allowed = []
    for left in range(model.cursor + 1):
        right = left
        while right < len(shown) and sum(widths[left : right + 1]) <= room:
            right += 1
        if model.cursor < right or right == model.cursor == len(shown):
            text = unicodedata.normalize("NFC", prompt + "".join(shown[left:right]))
            allowed.append((text.rstrip(), len(prompt) + sum(widths[left : model.cursor])))
        if left == 0 and right == len(shown):
            break
    return allowed


@pytest.mark.slow
@pytest.mark.parametrize("size", SCREENS)
@settings(max_examples=100, deadline=None)
@given(done=deeds)
@example(done=[(Typed(["漢"] * 200), True), *[(Key.LEFT, True)] * 150])
@example(done=[(Typed(["a", "漢"] * 40), True), (Key.HOME, True), *[(Key.RIGHT, True)] * 75])
@example(done=[(Printed(["x" * 80, "y" * 40, "z" * 10]), True)] * 3)
@example(done=[(Printed(["aaaaaa aaaaaaa"]), False)])
def test_the_screen_shows_what_was_printed_the_prompt_and_the_draft(
    size: tuple[int, int], done: list[tuple[Deed, bool]]
) -> None:
    shown = terminal(*size)
    model = Model(size[0])
    for deed, at_once in done:
        shown.does(deed, at_once=at_once)
        model.does(deed, at_once=at_once)
    shown.stream.feed(shown.editor.take_output())

    check(shown, model, SCREENS[size])


narrow = st.lists(st.sampled_from(["a", "b", " "]), max_size=60).map(Typed)
widths = st.integers(20, 100).map(Resized)


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(done=st.lists(narrow | widths | widths | lines.map(Printed) | keys, max_size=15))
def test_a_draft_survives_another_width_of_the_screen(done: list[Deed]) -> None:
    shown = terminal(80, 24)
    model = Model(80)
    shown.stream.feed(shown.editor.take_output())
    for deed in done:
        shown.does(deed, at_once=True)
        model.does(deed, at_once=True)

    check(shown, model, PROMPT)


@pytest.mark.parametrize("width", [1, 2, 4, 5, 7])
def test_even_the_narrowest_screen_is_no_error(width: int) -> None:
    tiny = Editor(width, PROMPT)
    press(tiny, "ab漢🙂cd", Key.LEFT, Key.LEFT, Key.HOME, "漢", Key.END)

    assert "d" in tiny.take_output().decode()


def test_a_terminal_that_takes_emoji_for_narrow_has_the_cursor_in_its_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pyte.screens, "wcwidth", len)
    shown = terminal(80, 24)
    shown.does(Typed(list("🙂🙂ab")), at_once=True)
    for key in (Key.LEFT, Key.LEFT, Key.LEFT):
        shown.does(key, at_once=True)
    shown.does(Typed(["x"]), at_once=True)

    assert shown.rows()[0] == f"{PROMPT}🙂x🙂ab"
    assert shown.screen.cursor.x == len(PROMPT) + 2


# ----------------------------------------------------------------------- bytes


def test_a_character_at_the_end_is_all_that_is_sent() -> None:
    typing = editor()

    for character in ["h", "å", "漢"]:
        press(typing, character)
        assert typing.take_output() == character.encode()


def test_a_character_in_the_middle_redraws_only_what_is_behind_it() -> None:
    typing = editor()
    press(typing, "hllo", Key.HOME, Key.RIGHT)
    typing.take_output()
    press(typing, "e")

    assert typing.take_output() == b"ello\b\b\b"


@pytest.mark.parametrize(
    "key",
    [
        "\u200b",
        *(set(Key) - {Key.ENTER, Key.TAB, Key.INTERRUPT, Key.END_OF_INPUT, Key.CLEAR_SCREEN}),
    ],
)
def test_a_key_that_does_nothing_sends_nothing(key: Keystroke) -> None:
    typing = editor()

    assert press(typing, key) == []
    assert typing.take_output() == b""


def test_what_comes_in_is_one_piece_with_each_line_once() -> None:
    typing = editor()
    press(typing, "hi", Key.LEFT)
    typing.take_output()

    again = b"\r\x1b[K<ann> one\r\n<bob> two\r\n#lobby> hi\b"
    assert typing.above(b"<ann> one\r\n<bob> two\r\n") == again
    typing.print_above("one", "<ann> ")
    typing.print_above("two", "<bob> ")
    assert typing.take_output() == again
    assert typing.take_output() == b""


def test_what_was_typed_meanwhile_is_drawn_with_what_comes_in() -> None:
    typing = editor()
    press(typing, "hi")

    assert typing.above(b"<ann> one\r\n") == b"\r\x1b[K<ann> one\r\n#lobby> hi"
    assert typing.take_output() == b""


def test_lines_printed_before_come_before() -> None:
    typing = editor()
    typing.print_above("one")

    assert typing.above(b"two\r\n") == b"\r\x1b[K-- one\r\ntwo\r\n#lobby> "


def test_lines_that_are_printed_are_made_safe() -> None:
    typing = editor()
    typing.print_above("a\x1b[2Jb\r\n")

    assert typing.take_output() == b"\r\x1b[K-- a[2Jb\r\n#lobby> "


def test_lines_that_are_printed_are_wrapped_under_their_head() -> None:
    typing = editor(20)
    typing.print_above("one two three four five")
    typing.print_above("/msg bob hello there", head="#a> ")

    rows = typing.take_output().removeprefix(b"\r\x1b[K").split(b"\r\n")[:-1]
    assert rows == [b"-- one two three", b"   four five", b"#a> /msg bob hello", b"    there"]


def test_a_prompt_can_change_under_a_draft() -> None:
    typing = editor()
    press(typing, "hi")
    typing.take_output()
    typing.set_prompt("#dev> ")

    assert typing.take_output() == b"\x1b[9Ddev> hi\x1b[K"


def test_at_the_end_the_row_goes() -> None:
    typing = editor()
    press(typing, "hi")

    assert typing.close() == b"\r\x1b[K"


# ------------------------------------------------------------------ what happens


def test_a_line_is_submitted_and_its_row_erased() -> None:
    typing = editor()
    press(typing, "hi there")
    typing.take_output()

    assert submit(typing) == ["hi there"]
    assert typing.take_output() == b"\x1b[8D\x1b[K"


def test_an_empty_line_is_submitted_too() -> None:
    assert submit(editor()) == [""]


def test_a_paste_is_submitted_line_by_line_in_order() -> None:
    typing = editor()
    press(typing, "a", Paste("1\n\n2\n"), Paste("3\n"), Key.HOME)

    assert f"a1{MARK}{MARK}2{MARK}3{MARK}" in typing.take_output().decode()
    assert submit(typing) == ["a1", "", "2", "3"]


def test_a_line_longer_than_the_limit_is_refused_whole_with_a_bell() -> None:
    typing = editor(max_line=4)
    press(typing, "åbc")
    typing.take_output()

    (refused,) = press(typing, "d")
    assert isinstance(refused, LineRefused)
    assert "4" in refused.reason
    assert typing.take_output().startswith(b"\a")
    assert typing.text == ""


def test_up_brings_back_what_stood_where_a_line_was_refused() -> None:
    typing = editor(max_line=4)
    press(typing, "åbc", "d", Key.UP)

    assert submit(typing) == ["åbc"]


def test_of_a_secret_that_is_refused_nothing_comes_back() -> None:
    typing = editor(max_line=4)
    typing.set_prompt("Password? ", secret=True)
    (refused,) = press(typing, "abc", "de")
    typing.set_prompt("> ")

    assert isinstance(refused, LineRefused)
    assert "Up" not in refused.reason
    press(typing, Key.UP)
    assert typing.text == ""


@pytest.mark.parametrize("pasted", [None, "12345", "1\n2\n3\n4\n5"])
def test_a_paste_that_is_too_long_is_told_and_leaves_the_draft(pasted: str | None) -> None:
    typing = editor(max_line=4, max_draft=8)
    press(typing, "a")
    typing.take_output()

    (refused,) = press(typing, Paste(pasted))
    assert isinstance(refused, PasteRefused)
    assert "8" in refused.reason
    assert typing.take_output() == b"\a"
    assert submit(typing) == ["a"]


def test_ctrl_c_clears_the_line_and_on_an_empty_one_is_told() -> None:
    typing = editor()
    press(typing, "hi")

    assert press(typing, Key.INTERRUPT) == []
    assert press(typing, Key.INTERRUPT) == [Interrupted()]
    assert submit(typing) == [""]


def test_ctrl_d_deletes_and_on_an_empty_line_is_told() -> None:
    typing = editor()
    press(typing, "hi", Key.HOME)

    assert press(typing, Key.END_OF_INPUT, Key.END_OF_INPUT) == []
    assert press(typing, Key.END_OF_INPUT) == [Ended()]


def test_a_draft_is_kept_while_one_looks_at_older_lines() -> None:
    typing = editor()
    for line in ("one", "two", "two", " "):
        press(typing, line, Key.ENTER)
    press(typing, "three", Key.LEFT, Key.UP, Key.UP, Key.UP, Key.DOWN, Key.DOWN, Key.DOWN, "x")

    assert submit(typing) == ["threxe"]


def test_an_older_line_can_be_changed_and_sent() -> None:
    typing = editor()
    press(typing, "one", Key.ENTER, "two", Key.ENTER, Key.UP, Key.UP, "!")

    assert submit(typing) == ["one!"]
    press(typing, Key.UP, Key.UP, Key.UP)
    assert submit(typing) == ["one"]


def test_the_last_50_lines_can_be_had_again() -> None:
    typing = editor()
    for number in range(60):
        press(typing, str(number), Key.ENTER)
    press(typing, *[Key.UP] * 60)

    assert submit(typing) == ["10"]


# -------------------------------------------------------------------- completion


def tab(typing: Editor, find: Callable[[CompletionWanted], list[str]]) -> CompletionWanted:
    (wanted,) = press(typing, Key.TAB)
    assert isinstance(wanted, CompletionWanted)
    typing.complete(wanted, find(wanted))
    return wanted


def test_the_only_candidate_takes_the_place_of_the_word() -> None:
    typing = editor()
    press(typing, "hi AN")
    wanted = tab(typing, lambda _: ["ann "])

    assert wanted == CompletionWanted("AN", "hi ")
    assert not wanted.at_start
    assert submit(typing) == ["hi ann "]


def test_a_word_is_completed_within_a_line() -> None:
    typing = editor()
    press(typing, "a b", Key.HOME, Key.RIGHT)

    assert tab(typing, lambda _: ["ann: "]).at_start
    assert submit(typing) == ["ann:  b"]


def test_several_candidates_give_what_they_begin_with_and_then_are_shown() -> None:
    typing = editor()
    press(typing, "/j")
    typing.take_output()
    candidates = ["Joe ", "joanna ", "joan "]

    tab(typing, lambda _: ["/join ", "/joke "])
    assert typing.take_output() == b"o"
    tab(typing, lambda _: ["/join ", "/joke "])
    assert typing.take_output() == b"\r\x1b[K-- /join, /joke\r\n#lobby> /jo"
    press(typing, " jo")
    typing.take_output()
    tab(typing, lambda _: candidates)
    assert typing.take_output() == b"\a"
    tab(typing, lambda _: candidates)
    assert b"-- Joe, joanna, joan\r\n" in typing.take_output()
    press(typing, Key.LEFT, Key.RIGHT)
    tab(typing, lambda _: candidates)
    assert typing.take_output() == b"\a"
    assert submit(typing) == ["/jo jo"]


def test_many_choices_are_counted() -> None:
    typing = editor()
    for _ in range(2):
        tab(typing, lambda _: [f"{chr(number)}{number}" for number in range(65, 165)])

    assert b"and 60 others\r\n" in typing.take_output()


def test_no_more_choices_are_shown_than_fit_the_window() -> None:
    typing = editor(40)
    wanted = press(typing, Key.TAB)[0]
    assert isinstance(wanted, CompletionWanted)
    candidates = [f"{chr(number)}{number}-{'x' * 20} " for number in range(65, 85)]
    for _ in range(2):
        typing.complete(wanted, candidates, rows=9)

    rows = typing.take_output().split(b"\r\n")[:-1]
    assert 7 <= len(rows) <= 9
    assert rows[0].endswith(b"-- A65-xxxxxxxxxxxxxxxxxxxx,")
    assert rows[-1].endswith(b"others")


def test_no_candidate_is_told_by_the_bell() -> None:
    typing = editor()
    press(typing, "x")
    typing.take_output()
    for _ in range(2):
        tab(typing, lambda _: [])

        assert typing.take_output() == b"\a"


def test_an_answer_that_comes_too_late_does_nothing() -> None:
    typing = editor()
    press(typing, "a")
    wanted = press(typing, Key.TAB)[0]
    press(typing, "x")
    typing.take_output()
    assert isinstance(wanted, CompletionWanted)
    typing.complete(wanted, ["ann "])

    assert typing.take_output() == b""


# ------------------------------------------------------------------------ secrets


def test_a_secret_is_not_shown_kept_or_completed() -> None:
    typing = editor()
    typing.set_prompt("Password: ", secret=True)
    typing.take_output()

    assert press(typing, "hun", Key.TAB, "ter3", Key.LEFT, Key.RIGHT, Key.BACKSPACE, "2") == []
    assert typing.take_output() == b""
    assert submit(typing) == ["hunter2"]
    typing.set_prompt(PROMPT)
    press(typing, Key.UP, Key.YANK)
    assert submit(typing) == [""]


def test_a_draft_is_put_aside_for_a_secret() -> None:
    typing = editor()
    press(typing, "hello wor")
    typing.set_prompt("Password: ", secret=True)
    press(typing, "secret", Key.ENTER, "more")
    typing.set_prompt(PROMPT)
    press(typing, "ld")

    assert submit(typing) == ["hello world"]


def test_of_a_paste_only_the_first_line_is_a_secret() -> None:
    typing = editor()
    typing.set_prompt("Password: ", secret=True)
    press(typing, Paste("hunter2\nnot this"))

    assert submit(typing) == ["hunter2"]
