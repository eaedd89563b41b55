"""From an exception to its error group: whose line it is, which failures are the same, and how much is kept."""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Callable
from pathlib import Path

import pytest

from botmon_cog.causes.causes import MOST_GROUPS, OTHERS, Causes
from botmon_cog.causes.release import git_commit
from botmon_cog.domain.models import ErrorGroup, ErrorSource
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.reports.errors import error_id, fingerprint_of
from botmon_cog.testing import ManualClock

COMMAND = ErrorSource.COMMAND


@pytest.fixture
def causes() -> Causes:
    return Causes(ManualClock(), "1.0")


def raised(call: Callable[[], object]) -> Exception:
    with pytest.raises(Exception) as caught:  # noqa: PT011 (whatever it is)
        call()
    return caught.value


def function(source: str, file: str, module: str, name: str = "fetch") -> Callable[[], object]:
    """A function as if it stood in that file."""
    made = types.ModuleType(module)
    exec(compile(source, file, "exec"), vars(made))  # noqa: S102
    return vars(made)[name]


def group_of(causes: Causes, error: BaseException | None, what: str = "play") -> ErrorGroup:
    group = causes.of(error, COMMAND, what).group
    assert group is not None
    return group


def decode() -> object:
    return json.loads("{")


# -- whose line --------------------------------------------------------------------------------------------------------


def test_cause_is_the_innermost_line_of_the_host_and_not_of_a_library(causes: Causes) -> None:
    group = group_of(causes, raised(decode))
    assert (group.error_type, group.file, group.function) == ("JSONDecodeError", "tests/test_causes.py", "decode")
    assert group.line == decode.__code__.co_firstlineno + 1


def test_without_a_line_of_the_host_it_is_the_innermost_of_all(causes: Causes) -> None:
    error = raised(lambda: None + 1)  # type: ignore[operator]
    error.__traceback__ = None
    assert group_of(causes, error).file is None
    inner = raised(decode)
    assert inner.__traceback__ is not None
    assert inner.__traceback__.tb_next is not None
    inner.__traceback__ = inner.__traceback__.tb_next.tb_next  # pytest's frame and decode's are gone
    while inner.__traceback__ is not None and "json" not in inner.__traceback__.tb_frame.f_code.co_filename:
        inner.__traceback__ = inner.__traceback__.tb_next
    assert group_of(causes, inner, "other").function == "JSONDecoder.raw_decode"


def test_installed_package_is_a_library_unless_the_host_loaded_it_as_an_extension(causes: Causes) -> None:
    package = str(Path(sys.prefix) / "lib" / "site-packages" / "musiccog" / "player.py")
    fetch = function("def fetch():\n    raise LookupError('no songs')\n", package, "musiccog.player")

    def play() -> None:
        fetch()

    assert group_of(causes, raised(play)).function == "play"
    other = Causes(ManualClock())
    other.frames.extensions = lambda: ["musiccog.player", "cogs.admin"]
    found = group_of(other, raised(play))
    assert (found.function, found.line) == ("fetch", 2)
    assert str(found.file).endswith("musiccog/player.py")


def test_home_folder_is_in_no_file_name(causes: Causes) -> None:
    fetch = function("def fetch():\n    raise LookupError\n", "/home/anna/my bot/cogs/lyrics.py", "cogs.lyrics")
    group = group_of(causes, raised(fetch))
    assert group.file == "cogs/lyrics.py"
    assert "anna" not in str(group.traceback)


# -- which are the same ------------------------------------------------------------------------------------------------

BEFORE = "def fetch():\n    x = 1\n    raise LookupError(x)\n"
MOVED = "import json\n\n\n" + BEFORE


def test_function_that_moved_within_its_file_makes_the_same_group(causes: Causes) -> None:
    before = causes.of(raised(function(BEFORE, "cogs/a.py", "a")), COMMAND, "play")
    after = causes.of(raised(function(MOVED, "cogs/a.py", "a")), COMMAND, "play")
    assert before.fingerprint == after.fingerprint
    assert (before.group is None, after.group is None) == (False, True)


@pytest.mark.parametrize(
    ("source", "what", "of", "outcome"),
    [
        (BEFORE.replace("LookupError", "KeyError"), "play", COMMAND, Outcome.ERROR),
        (BEFORE.replace("    x = 1\n", "    x = 1\n    y = 2\n"), "play", COMMAND, Outcome.ERROR),
        (BEFORE, "skip", COMMAND, Outcome.ERROR),
        (BEFORE, "play", ErrorSource.LISTENER, Outcome.ERROR),
    ],
)
def test_other_type_line_or_command_makes_another_group(
    causes: Causes, source: str, what: str, of: ErrorSource, outcome: Outcome
) -> None:
    one = causes.of(raised(function(BEFORE, "cogs/a.py", "a")), COMMAND, "play")
    other = causes.of(raised(function(source, "cogs/a.py", "a")), of, what, outcome)
    assert one.fingerprint != other.fingerprint


def test_what_had_no_exception_is_grouped_by_how_it_ended(causes: Causes) -> None:
    late, never = (causes.of(None, COMMAND, "play", outcome) for outcome in (Outcome.LATE, Outcome.UNANSWERED))
    assert late.fingerprint != never.fingerprint
    assert (late.error_type, late.message) == (None, None)
    assert causes.of(None, COMMAND, "play", Outcome.LATE).fingerprint == late.fingerprint


def test_id_that_people_type_says_the_whole_fingerprint(causes: Causes) -> None:
    found = causes.of(raised(decode), COMMAND, "play").fingerprint
    typed = error_id(found)
    assert len(typed) == 8
    assert fingerprint_of(f" {typed.upper()} ") == found
    assert fingerprint_of("what?") is None


# -- tracebacks --------------------------------------------------------------------------------------------------------


def test_traceback_has_the_hosts_lines_whole_and_those_of_libraries_in_short(causes: Causes) -> None:
    lines = str(group_of(causes, raised(decode)).traceback).splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    at = lines.index(f'  File "tests/test_causes.py", line {decode.__code__.co_firstlineno + 1}, in decode')
    assert lines[at + 1] == '    return json.loads("{")'
    assert any(line.endswith("in JSONDecoder.raw_decode") and "File" not in line for line in lines)
    assert lines[-1].startswith("json.decoder.JSONDecodeError: Expecting property name")


def test_traceback_tells_what_it_arose_from_and_holds_no_values(causes: Causes) -> None:
    def load(password: str) -> None:
        try:
            decode()
        except ValueError as error:
            raise RuntimeError("can't load") from error

    text = str(group_of(causes, raised(lambda: load("hunter22"))).traceback)
    assert "The above exception was the direct cause of the following exception:" in text
    assert text.index("JSONDecodeError") < text.index("RuntimeError: can't load")
    assert "hunter22'" not in text.replace('load("hunter22")', "")


def test_recursion_is_told_in_short(causes: Causes) -> None:
    def again(n: int) -> int:
        return again(n + 1)

    text = str(group_of(causes, raised(lambda: again(0))).traceback)
    assert len(text) <= 6_000
    assert "more times]" in text


# -- how much ----------------------------------------------------------------------------------------------------------


def different(n: int) -> Exception:
    return type(f"Broken{n}Error", (Exception,), {})("no")


def test_1000_different_failures_are_at_most_500_groups_and_one_for_the_others(causes: Causes) -> None:
    found = [causes.of(different(n), COMMAND, "play") for n in range(1_000)]
    groups = [cause.group for cause in found if cause.group is not None]
    assert len(groups) == MOST_GROUPS + 1
    assert groups[-1].what == OTHERS
    assert {cause.fingerprint for cause in found[MOST_GROUPS:]} == {groups[-1].fingerprint}
    assert {cause.error_type for cause in found} == {f"Broken{n}Error" for n in range(1_000)}  # each row has its own


async def test_group_is_told_once_a_day() -> None:
    clock = ManualClock()
    causes = Causes(clock)
    told = 0
    for _ in range(100_000):
        told += causes.of(None, COMMAND, "play", Outcome.LATE).group is not None
    assert told == 1
    await clock.advance(86_400)
    assert causes.of(None, COMMAND, "play", Outcome.LATE).group is not None


# -- the host's version ------------------------------------------------------------------------------------------------

COMMIT = "3f2a9c1d" * 5


def repository(folder: Path, head: str, **files: str) -> Path:
    git = folder / ".git"
    git.mkdir(parents=True)
    (git / "HEAD").write_text(head)
    for name, text in files.items():
        path = git / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_version_is_the_commit_that_is_checked_out(tmp_path: Path) -> None:
    loose = repository(tmp_path / "loose", "ref: refs/heads/main\n", refs__heads__main=f"{COMMIT}\n")
    (loose / "cogs").mkdir()
    assert git_commit(loose / "cogs") == "3f2a9c1"
    packed = repository(tmp_path / "packed", "ref: refs/heads/main\n")
    (packed / ".git" / "packed-refs").write_text(f"# pack-refs\n{'0' * 40} refs/heads/old\n{COMMIT} refs/heads/main\n")
    assert git_commit(packed) == "3f2a9c1"
    assert git_commit(repository(tmp_path / "detached", f"{COMMIT}\n")) == "3f2a9c1"


def test_version_of_a_worktree(tmp_path: Path) -> None:
    home = repository(tmp_path / "home", "ref: refs/heads/main\n", refs__heads__next=f"{COMMIT}\n")
    tree = home / ".git" / "worktrees" / "next"
    tree.mkdir(parents=True)
    (tree / "HEAD").write_text("ref: refs/heads/next\n")
    (tree / "commondir").write_text("../..\n")
    (tmp_path / "next").mkdir()
    (tmp_path / "next" / ".git").write_text(f"gitdir: {tree}\n")
    assert git_commit(tmp_path / "next") == "3f2a9c1"


@pytest.mark.parametrize("head", ["", "ref: refs/heads/none\n", "not a commit\n", "ref: ../../../etc/passwd\n"])
def test_what_is_no_repository_or_has_no_commit_has_no_version(tmp_path: Path, head: str) -> None:
    assert git_commit(repository(tmp_path / "bot", head)) is None
