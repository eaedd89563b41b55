"""Discord's limits on application commands: a body goes in, the list of faults comes out."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from botmon_cog.testing.commands import CHAT_INPUT, SUBCOMMAND, SUBCOMMAND_GROUP
from botmon_cog.testing.errors import Fault, Payload
from botmon_cog.testing.form_checks import (
    REQUIRED,
    Path,
    bad_length,
    check_integer,
    check_length,
    check_model,
    check_shape,
    check_type,
    too_long,
)

CHARACTERS_IN_ALL = 8000
OPTIONS = CHOICES = 25
COMMANDS_OF_A_KIND = {1: 100, 2: 15, 3: 15}
NAME_CHARACTERS, DESCRIPTION_CHARACTERS, CHOICE_CHARACTERS = 32, 100, 100
_LARGEST_PERMISSIONS = 2**54 - 1
_OPTIONS_ANYWHERE = tuple(range(3, 12))
_BELOW: dict[int | None, tuple[int, ...]] = {
    None: (SUBCOMMAND, SUBCOMMAND_GROUP, *_OPTIONS_ANYWHERE),
    SUBCOMMAND_GROUP: (SUBCOMMAND,),
    SUBCOMMAND: _OPTIONS_ANYWHERE,
}
"""Type of an option, None for the command itself -> the types of the options that it may hold."""
_PATTERN = r"^[-_'\p{L}\p{N}\p{sc=Deva}\p{sc=Thai}]{1,32}$"
_DEVANAGARI_AND_THAI = re.compile("[\u0900-\u097f\ua8e0-\ua8ff\u0e01-\u0e3a\u0e40-\u0e5b]")


def check_commands(bodies: list[Payload]) -> list[Fault]:
    """The faults of a whole set of commands, as it is put in one request."""
    faults = [fault for index, body in enumerate(bodies) for fault in check_model((index,), body)]
    if faults:
        return faults
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
            faults.append(((), *too_long(limit)))
    return faults


def check_command(body: Payload) -> list[Fault]:
    faults = list(check_shape((), body))
    if faults:
        return faults
    permissions = body.get("default_member_permissions")
    faults += check_integer(("default_member_permissions",), permissions, 0, _LARGEST_PERMISSIONS)
    if body.get("type", CHAT_INPUT) == CHAT_INPUT:
        faults += _name(("name",), body.get("name"))
        faults += check_length(("description",), body.get("description"), 1, DESCRIPTION_CHARACTERS)
        faults += _options((), body, None)
        if characters(body) > CHARACTERS_IN_ALL:
            text = f"Command exceeds maximum size ({CHARACTERS_IN_ALL})"
            faults.append(((), "APPLICATION_COMMAND_TOO_LARGE", text))
    else:
        faults += check_length(("name",), body.get("name"), 1, NAME_CHARACTERS)
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


def _options(path: Path, body: Payload, kind: int | None) -> Iterator[Fault]:
    options: list[Payload] = body.get("options") or []
    here = (*path, "options")
    if len(options) > OPTIONS:
        yield here, *too_long(OPTIONS)
    seen: set[str] = set()
    is_optional_before = False
    for index, option in enumerate(options):
        at = (*here, index)
        misplaced = list(check_type(at, option, _BELOW[kind]))
        if misplaced:
            yield from misplaced
            continue
        yield from _name((*at, "name"), option.get("name"))
        yield from check_length((*at, "description"), option.get("description"), 1, DESCRIPTION_CHARACTERS)
        if option.get("name") in seen:
            yield (*at, "name"), "APPLICATION_COMMAND_OPTIONS_NAME_INVALID", "Option names must be unique"
        seen.add(str(option.get("name")))
        if option.get("required") and is_optional_before:
            text = "Required options must be placed before non-required options"
            yield (*at, "required"), "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", text
        is_below = option["type"] in (SUBCOMMAND, SUBCOMMAND_GROUP)
        is_optional_before = is_optional_before or not (option.get("required") or is_below)
        if is_below != (options[0].get("type") in (SUBCOMMAND, SUBCOMMAND_GROUP)):
            text = "Sub-command and sub-command group option types are mutually exclusive to all other types"
            yield at, "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", text
        yield from _choices(at, option)
        if is_below:
            yield from _options(at, option, option["type"])


def _choices(path: Path, option: Payload) -> Iterator[Fault]:
    choices: list[Payload] = option.get("choices") or []
    if len(choices) > CHOICES:
        yield (*path, "choices"), *too_long(CHOICES)
    if choices and option.get("autocomplete"):
        text = "Autocomplete can not be set with choices"
        yield (*path, "autocomplete"), "APPLICATION_COMMAND_AUTOCOMPLETE_WITH_CHOICES", text
    names: set[str] = set()
    for index, choice in enumerate(choices):
        at = (*path, "choices", index)
        yield from check_length((*at, "name"), choice.get("name"), 1, CHOICE_CHARACTERS)
        if isinstance(choice.get("value"), str):
            yield from check_length((*at, "value"), choice["value"], 1, CHOICE_CHARACTERS)
        if choice.get("name") in names:
            text = "The specified choice name is already used"
            yield (*at, "name"), "APPLICATION_COMMAND_OPTIONS_CHOICE_NAME_ALREADY_EXISTS", text
        names.add(str(choice.get("name")))


def _name(path: Path, name: object) -> Iterator[Fault]:
    if not isinstance(name, str) or not name:
        yield path, *REQUIRED
    elif len(name) > NAME_CHARACTERS:
        yield path, *bad_length(1, NAME_CHARACTERS)
    elif not all(_is_name_character(character) for character in name):
        yield path, "STRING_TYPE_REGEX", f"String value did not match validation regex: {_PATTERN}"
    elif name != name.lower():
        yield path, "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid"


def _is_name_character(character: str) -> bool:
    is_letter_or_number = unicodedata.category(character)[0] in "LN"
    return is_letter_or_number or character in "-_'" or bool(_DEVANAGARI_AND_THAI.match(character))
