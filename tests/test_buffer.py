import pytest
from hypothesis import given
from hypothesis import strategies as st
from wcwidth import iter_graphemes

from trioserve.wire.buffer import Draft, lines_of
from trioserve.wire.recall import History

EDITS = {
    "left": Draft.left,
    "right": Draft.right,
    "home": Draft.home,
    "end": Draft.end,
    "word left": Draft.word_left,
    "word right": Draft.word_right,
    "backspace": Draft.backspace,
    "delete": Draft.delete,
    "transpose": Draft.transpose,
    "kill left": Draft.kill_left,
    "kill right": Draft.kill_right,
    "kill blank word": Draft.kill_blank_word,
    "kill word left": Draft.kill_word_left,
    "kill word right": Draft.kill_word_right,
    "yank": Draft.yank,
}

# Flags, families, marks, joiners and Indic scripts join with what comes to stand beside them.
joining = st.text("🇳🇴👩\u200d👧🏽\u0301\ufe0fक\u094dषि\u0600ab \n각", max_size=6)
steps = st.lists(st.sampled_from(sorted(EDITS)) | joining.map(lambda text: f"+{text}"))


def draft(text: str) -> Draft:
    """A draft with the cursor at the bar."""
    before, _, after = text.partition("|")
    made = Draft()
    made.insert(before)
    at = made.cursor
    made.insert(after)
    made.cursor = at
    return made


def shown(draft: Draft) -> str:
    return "".join([*draft.cells[: draft.cursor], "|", *draft.cells[draft.cursor :]])


@given(steps)
def test_after_any_edits_cells_are_graphemes_and_no_limit_is_broken(steps: list[str]) -> None:
    edited = Draft(max_line=12, max_size=32)
    for step in steps:
        if step.startswith("+"):
            before, fits = edited.text, edited.insert(step[1:])
            assert fits or edited.text == before
        else:
            EDITS[step](edited)

        assert edited.cells == list(iter_graphemes(edited.text))
        assert 0 <= edited.cursor <= len(edited.cells)
        assert edited.take()[2] == len(edited.text.encode()) <= 32
        assert all(len(line.encode()) <= 12 for line in edited.text.split("\n"))


@given(st.text("ab 🇳\u0301\n", max_size=20), st.integers(0, 20))
def test_what_is_killed_is_yanked_again(text: str, cursor: int) -> None:
    edited = draft(text)
    edited.cursor = min(cursor, len(edited.cells))
    before = edited.text
    edited.kill_right()
    edited.yank()

    assert edited.text == before


@pytest.mark.parametrize(
    ("edit", "before", "after"),
    [
        ("word left", "one, two|", "one, |two"),
        ("word left", "one, |two", "|one, two"),
        ("word right", "|one, two", "one|, two"),
        ("word right", "one|, two", "one, two|"),
        ("word left", "blåbær 漢字|", "blåbær |漢字"),
        ("backspace", "a👩\u200d👧|b", "a|b"),
        ("backspace", "e\u0301\u0302|", "|"),
        ("delete", "|🇳🇴b", "|b"),
        ("backspace", "🇳x|🇴", "🇳🇴|"),
        ("transpose", "ab|cd", "acb|d"),
        ("transpose", "abc|", "acb|"),
        ("transpose", "a漢|", "漢a|"),
        ("transpose", "|ab", "|ab"),
        ("transpose", "a|", "a|"),
        ("kill left", "ab|cd", "|cd"),
        ("kill right", "ab|cd", "ab|"),
        ("kill blank word", "go a/b-c |d", "go |d"),
        ("kill word left", "go a/b-c |d", "go a/b-|d"),
        ("kill word right", "a| b-c", "a|-c"),
    ],
)
def test_an_edit_does_what_it_does_in_readline(edit: str, before: str, after: str) -> None:
    edited = draft(before)
    EDITS[edit](edited)

    assert shown(edited) == after


def test_kills_in_a_row_are_yanked_together() -> None:
    edited = draft("one two three| four")
    edited.kill_blank_word()
    edited.kill_blank_word()
    edited.kill_right()
    edited.yank()
    edited.yank()

    assert shown(edited) == "one two three fourtwo three four|"


def test_a_kill_after_something_else_begins_anew() -> None:
    edited = draft("one two|")
    edited.kill_blank_word()
    edited.insert("x")
    edited.kill_left()
    edited.yank()

    assert edited.text == "one x"


def test_a_mark_joins_the_character_before_it() -> None:
    edited = draft("e|x")
    edited.insert("\u0301")

    assert edited.cells == ["e\u0301", "x"]
    assert edited.cursor == 1


def test_what_could_move_a_cursor_is_left_out() -> None:
    edited = draft("")
    edited.insert("a\tb\x1b[2J\r\u202e\nc\x00")

    assert edited.text == "a b[2J\nc"


def test_the_limit_of_a_line_holds_for_each_line_of_a_paste() -> None:
    edited = Draft(max_line=3)

    assert edited.insert("123\n12\n123")
    edited.cursor = 6
    assert edited.insert("3")
    assert not edited.insert("4")
    assert not edited.insert("\n1234")
    assert edited.text == "123\n123\n123"


def test_lines_that_would_be_too_long_together_stay_apart() -> None:
    edited = Draft(max_line=3)
    edited.insert("123\n12")
    edited.cursor = 4

    assert not edited.backspace()
    assert not edited.transpose()
    edited.cursor = 3
    assert not edited.delete()
    assert shown(edited) == "123|\n12"
    assert edited.kill_right()
    assert edited.yank()
    assert edited.text == "123\n12"


def test_a_history_without_lines_leaves_the_draft() -> None:
    edited = draft("a|b")
    history = History()
    history.up(edited)
    history.down(edited)

    assert shown(edited) == "a|b"


@pytest.mark.parametrize(
    ("text", "lines"),
    [("", [""]), ("a", ["a"]), ("a\n", ["a"]), ("a\n\nb", ["a", "", "b"]), ("\n", [""])],
)
def test_a_draft_is_sent_line_by_line(text: str, lines: list[str]) -> None:
    assert lines_of(text) == lines
