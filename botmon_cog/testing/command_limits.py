"""Discord's limits on application commands: a body goes in, the list of faults comes out."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from botmon_cog.testing.commands import CHAT_INPUT, SUBCOMMAND, SUBCOMMAND_GROUP
from botmon_cog.testing.errors import Fault, Payload

CHARACTERS_IN_ALL = 8000
OPTIONS = CHOICES = 25
COMMANDS_OF_A_KIND = {1: 100, 2: 15, 3: 15}
_OPTION_KINDS = range(1, 12)
_PATTERN = r"^[-_'\p{L}\p{N}\p{sc=Deva}\p{sc=Thai}]{1,32}$"
_DEVANAGARI_AND_THAI = re.compile("[\u0900-\u097f\ua8e0-\ua8ff\u0e01-\u0e3a\u0e40-\u0e5b]")
Path = tuple[str | int, ...]


def check_commands(bodies: list[Payload]) -> list[Fault]:
    """The faults of a whole set of commands, as it is put in one request."""
    faults: list[Fault] = []
    seen: set[tuple[int, str]] = set()
    counts: dict[int, int] = {}
    for index, body in enumerate(bodies):
        kind = body.get("type", CHAT_INPUT)
        counts[kind] = counts.get(kind, 0) + 1
        key = (kind, str(body.get("name")))
        if key in seen:
            text = "Application command names must be unique"
            faults.append(((index, "name"), "APPLICATION_COMMANDS_DUPLICATE_NAME", text))
        seen.add(key)
        faults += [((index, *path), code, text) for path, code, text in check_command(body)]
    for kind, count in counts.items():
        if count > COMMANDS_OF_A_KIND.get(kind, 100):
            limit = COMMANDS_OF_A_KIND.get(kind, 100)
            faults.append(((), "BASE_TYPE_MAX_LENGTH", f"Must be {limit} or fewer in length."))
    return faults


def check_command(body: Payload) -> list[Fault]:
    faults: list[Fault] = []
    if body.get("type", CHAT_INPUT) == CHAT_INPUT:
        faults += _name(("name",), body.get("name"))
        faults += _length(("description",), body.get("description"), 100)
        faults += _options((), body)
        if characters(body) > CHARACTERS_IN_ALL:
            text = f"Command exceeds maximum size ({CHARACTERS_IN_ALL})"
            faults.append(((), "APPLICATION_COMMAND_TOO_LARGE", text))
    else:
        faults += _length(("name",), body.get("name"), 32)
        if body.get("description"):
            text = "Context menu commands cannot have a description"
            faults.append((("description",), "APPLICATION_COMMAND_CONTEXT_MENU_DESCRIPTION_NOT_ALLOWED", text))
        if body.get("options"):
            text = "Context menu commands cannot have options"
            faults.append((("options",), "APPLICATION_COMMAND_CONTEXT_MENU_OPTIONS_NOT_ALLOWED", text))
    return faults


def characters(body: Payload) -> int:
    """What counts towards a command's 8,000: names, descriptions and the values of choices, at every level."""
    count = len(str(body.get("name") or "")) + len(str(body.get("description") or ""))
    choices: list[Payload] = body.get("choices") or []
    options: list[Payload] = body.get("options") or []
    for choice in choices:
        count += len(str(choice.get("name"))) + len(str(choice.get("value")))
    return count + sum(characters(option) for option in options)


def _options(path: Path, body: Payload) -> Iterator[Fault]:
    options: list[Payload] = body.get("options") or []
    here = (*path, "options")
    if len(options) > OPTIONS:
        yield here, "BASE_TYPE_MAX_LENGTH", f"Must be {OPTIONS} or fewer in length."
    seen: set[str] = set()
    is_optional_before = False
    for index, option in enumerate(options):
        at = (*here, index)
        yield from _name((*at, "name"), option.get("name"))
        yield from _length((*at, "description"), option.get("description"), 100)
        if option.get("type") not in _OPTION_KINDS:
            yield (*at, "type"), "BASE_TYPE_CHOICES", "Value must be one of {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}."
        if option.get("name") in seen:
            yield (*at, "name"), "APPLICATION_COMMAND_OPTIONS_NAME_INVALID", "Option names must be unique"
        seen.add(str(option.get("name")))
        if option.get("required") and is_optional_before:
            text = "Required options must be placed before non-required options"
            yield (*at, "required"), "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", text
        is_subcommand = option.get("type") in (SUBCOMMAND, SUBCOMMAND_GROUP)
        is_optional_before = is_optional_before or not (option.get("required") or is_subcommand)
        yield from _choices(at, option)
        yield from _options(at, option)
    kinds = {option.get("type") in (SUBCOMMAND, SUBCOMMAND_GROUP) for option in options}
    if len(kinds) > 1:
        text = "Sub-command and sub-command group option types are mutually exclusive to all other types"
        yield here, "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", text


def _choices(path: Path, option: Payload) -> Iterator[Fault]:
    choices: list[Payload] = option.get("choices") or []
    if len(choices) > CHOICES:
        yield (*path, "choices"), "BASE_TYPE_MAX_LENGTH", f"Must be {CHOICES} or fewer in length."
    if choices and option.get("autocomplete"):
        text = "Autocomplete can not be set with choices"
        yield (*path, "autocomplete"), "APPLICATION_COMMAND_AUTOCOMPLETE_WITH_CHOICES", text
    names: set[str] = set()
    for index, choice in enumerate(choices):
        at = (*path, "choices", index)
        yield from _length((*at, "name"), choice.get("name"), 100)
        if isinstance(choice.get("value"), str):
            yield from _length((*at, "value"), choice["value"], 100)
        if choice.get("name") in names:
            text = "The specified choice name is already used"
            yield (*at, "name"), "APPLICATION_COMMAND_OPTIONS_CHOICE_NAME_ALREADY_EXISTS", text
        names.add(str(choice.get("name")))


def _name(path: Path, name: object) -> Iterator[Fault]:
    if not isinstance(name, str) or not name:
        yield path, "BASE_TYPE_REQUIRED", "This field is required"
    elif not 1 <= len(name) <= 32:  # noqa: PLR2004  # Discord's bounds
        yield path, "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 32 in length."
    elif not all(_is_name_character(character) for character in name):
        yield path, "STRING_TYPE_REGEX", f"String value did not match validation regex: {_PATTERN}"
    elif name != name.lower():
        yield path, "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid"


def _is_name_character(character: str) -> bool:
    is_letter_or_number = unicodedata.category(character)[0] in "LN"
    return is_letter_or_number or character in "-_'" or bool(_DEVANAGARI_AND_THAI.match(character))


def _length(path: Path, text: object, high: int) -> Iterator[Fault]:
    if not isinstance(text, str) or not text:
        yield path, "BASE_TYPE_REQUIRED", "This field is required"
    elif len(text) > high:
        yield path, "BASE_TYPE_BAD_LENGTH", f"Must be between 1 and {high} in length."
