"""An exception's text is kept without what was typed and without secrets, whatever the exception."""

from __future__ import annotations

import inspect
import re
import time
from collections.abc import Callable
from types import SimpleNamespace

import discord
import pytest
from discord import app_commands
from discord.app_commands import errors as app_errors
from discord.ext import commands
from discord.ext.commands import errors as command_errors
from hypothesis import example, given
from hypothesis import strategies as st

from botmon_cog.causes.logged import logged
from botmon_cog.causes.redaction import HIDDEN, message_of, redact, redact_line
from tests.redaction_corpus import LINES, SECRETS, TYPED, Text


@pytest.mark.parametrize("row", TYPED + SECRETS, ids=lambda row: row.text[:40])
def test_corpus_is_kept_as_it_says(row: Text) -> None:
    assert redact(row.text, row.typed) == row.kept
    assert redact(row.kept, row.typed) == row.kept, "redacting twice changes nothing"


@pytest.mark.parametrize(("line", "kept"), LINES)
def test_lines_of_code_keep_everything_but_secret_literals(line: str, kept: str) -> None:
    assert redact_line(line) == kept


# -- exceptions of discord.py ------------------------------------------------------------------------------------------

_PARAMETER = commands.Parameter("query", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=str)
_FLAG = commands.Flag(name="sort", annotation=str, attribute="sort")
_TRANSFORMER = SimpleNamespace(_error_display_name="Day")


def _builders() -> dict[str, Callable[[str], BaseException]]:
    """What makes each exception of discord.py that may repeat what somebody typed."""
    builders: dict[str, Callable[[str], BaseException]] = {}
    for module in (command_errors, app_errors):
        for name in module.__all__:
            kind = getattr(module, name)
            parameters = list(inspect.signature(kind.__init__).parameters)[1:]
            if parameters == ["argument"] and kind is not commands.ChannelNotReadable:
                builders[f"{module.__package__}.{name}"] = kind
    return builders | {
        "UserInputError": lambda v: commands.BadArgument(f"I know no {v}, sorry"),
        "TransformerError": lambda v: app_commands.TransformerError(
            v, discord.AppCommandOptionType.string, _TRANSFORMER
        ),
        "BadLiteralArgument": lambda v: commands.BadLiteralArgument(_PARAMETER, ("0ldest", "newe5t"), [], v),
        "BadUnionArgument": lambda v: commands.BadUnionArgument(_PARAMETER, (int,), [commands.MemberNotFound(v)]),
        "BadFlagArgument": lambda v: commands.BadFlagArgument(_FLAG, v, ValueError(v)),
        "TooManyFlags": lambda v: commands.TooManyFlags(_FLAG, [v, v]),
        "CommandInvokeError": lambda v: commands.CommandInvokeError(commands.MemberNotFound(v)),
        "CommandInvokeError of a key": lambda v: commands.CommandInvokeError(KeyError(v)),
        "HybridCommandError": lambda v: commands.HybridCommandError(
            app_commands.TransformerError(v, discord.AppCommandOptionType.string, _TRANSFORMER)
        ),
        "ConversionError": lambda v: commands.ConversionError(int, commands.RoleNotFound(v)),
        "app CommandInvokeError": lambda v: app_commands.CommandInvokeError(
            SimpleNamespace(name="play"), commands.MemberNotFound(v)
        ),
    }


BUILDERS = _builders()
_PLACEHOLDER = "Qq0qQ0qQ0qQ"

values = st.text(min_size=1, max_size=40).filter(lambda v: any(map(str.isalnum, v)))


def test_every_exception_that_takes_an_argument_is_covered() -> None:
    assert len(BUILDERS) >= 29


def _without_template(kept: str, name: str) -> str:
    """What is left of a kept text once the words of the exception itself are taken out."""
    for word in sorted(re.split(re.escape(_PLACEHOLDER), str(BUILDERS[name](_PLACEHOLDER))), key=len, reverse=True):
        kept = kept.replace(word, " ", 1)
    return kept.replace(HIDDEN, " ")


@pytest.mark.parametrize("name", BUILDERS)
@given(value=values)
@example("Anna Schmidt")
@example("not found")
@example("Member")
@example("李")
@example('a" not found. b')
@example("@everyone x")
@example("hidden")
@example("I\u0307")
def test_no_exception_of_discord_py_repeats_what_was_typed(name: str, value: str) -> None:
    kept = message_of(BUILDERS[name](value), [value])
    left = _without_template(kept, name)
    assert value.strip().casefold() not in left.casefold(), (kept, left)


@pytest.mark.parametrize("name", BUILDERS)
def test_argument_is_hidden_where_nobody_says_what_was_typed(name: str) -> None:
    if name != "UserInputError":  # which does not hold it
        assert "anna" not in message_of(BUILDERS[name]("Anna Schmidt")).casefold()


def test_number_out_of_range_is_hidden() -> None:
    error = commands.RangeError(37, minimum=1, maximum=5)
    assert message_of(error) == message_of(error, ["37"]) == f"value must be between 1 and 5 but received {HIDDEN}"


@pytest.mark.parametrize("value", ["not", "Member", "found", 'x" not found. y', "r", "ot found"])
def test_words_of_the_template_stay(value: str) -> None:
    assert message_of(commands.MemberNotFound(value), [value]) == f'Member "{HIDDEN}" not found.'


# -- exceptions of a host ----------------------------------------------------------------------------------------------


def _raised(function: Callable[[], object]) -> BaseException:
    with pytest.raises(Exception) as caught:  # noqa: PT011 (whatever it raises)
        function()
    return caught.value


def _find(name: str) -> None:
    raise LookupError(f"there is no account of {name} in the list of accounts")


def test_template_of_a_host_is_known_by_its_code() -> None:
    error = _raised(lambda: _find("account"))
    assert message_of(error, ["account"]) == f"there is no account of {HIDDEN} in the list of accounts"


def test_key_is_kept_if_the_code_names_it_and_hidden_otherwise() -> None:
    config: dict[str, str] = {}
    typed = "SecretCoin".lower()
    assert message_of(_raised(lambda: config["api_token"])) == "'api_token'"
    assert message_of(_raised(lambda: config[typed])) == f"'{HIDDEN}'"
    assert message_of(_raised(lambda: {}[281])) == HIDDEN
    assert message_of(_raised(lambda: config["api_token"]), ["API_TOKEN"]) == f"'{HIDDEN}'"


@pytest.mark.parametrize(
    ("function", "kept"),
    [
        (lambda: int("12 monkeys"), f"invalid literal for int() with base 10: '{HIDDEN}'"),
        (lambda: float("anna"), f"could not convert string to float: '{HIDDEN}'"),
        (lambda: discord.AppCommandOptionType("anna"), f"'{HIDDEN}' is not a valid AppCommandOptionType"),
        (lambda: "naïve".encode("ascii"), f"'ascii' codec can't encode character '{HIDDEN}' in position 2"),
        (lambda: None.send("x"), "'NoneType' object has no attribute 'send'"),
    ],
)
def test_values_in_the_texts_of_python_are_hidden(function: Callable[[], object], kept: str) -> None:
    assert message_of(_raised(function)).startswith(kept)


class UnwritableError(Exception):
    @property
    def argument(self) -> str:
        raise RuntimeError("no argument")

    def __str__(self) -> str:
        raise RuntimeError("no text")


def test_exception_that_cannot_be_written_has_no_text() -> None:
    assert message_of(UnwritableError()) == ""
    assert logged(UnwritableError()).endswith("\nUnwritableError")


def test_objects_are_hidden_by_name_and_those_that_raise_are_passed_over() -> None:
    member = SimpleNamespace(id=281, name="anna.s", display_name="Anna")
    unwritable = SimpleNamespace(error=UnwritableError())
    assert redact("Anna (anna.s, 281) is away", [unwritable, member]) == f"{HIDDEN} ({HIDDEN}, {HIDDEN}) is away"


def test_text_that_is_cut_keeps_no_part_of_a_value() -> None:
    value = "Anna " * 100
    assert "Anna" not in redact(f"{'x ' * 1_900}{value}", [value])
    assert "Anna" not in redact(f"bad: {value[:60]}...", [value.strip()])
    assert len(redact("x" * 1_000_000)) == 300


# -- cost --------------------------------------------------------------------------------------------------------------


PATHOLOGICAL = ["x", "é ", "a.", "_", "-", "token", "token_=", "://", "u:@", "a@b.", "eyJ", "/home/", '"a9A', "Anna "]


@pytest.mark.parametrize("piece", PATHOLOGICAL)
def test_work_is_bounded(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    began = time.thread_time()
    redact(text, ["Anna Schmidt", "x", "a.b"])
    redact_line(text)
    assert time.thread_time() - began < 0.5, "seconds of CPU; some 10 ms on an ordinary machine"


def test_ordinary_text_costs_little() -> None:
    text, typed = 'Member "Anna Schmidt" was not found in the list of this server', ["anna schmidt", "5", 12345]
    redact(text, typed)
    costs: list[float] = []
    for _ in range(50):
        began = time.thread_time()
        for _ in range(20):
            redact(text, typed)
        costs.append((time.thread_time() - began) / 20)
    assert min(costs) < 100e-6, "seconds; some 30 µs on an ordinary machine"


def test_log_hides_the_text_of_what_was_only_being_handled() -> None:
    def fail() -> None:
        try:
            raise LookupError("no account alicia")  # noqa: TRY301 (what is told is where it happens)
        except LookupError:
            raise RuntimeError("the table is gone")  # noqa: B904 (as code that does not know the other one)

    text = logged(_raised(fail))
    assert "alicia" not in text.replace('raise LookupError("no account alicia")', "")
    assert text.endswith("RuntimeError: the table is gone")
    assert "During handling of the above exception" in text
