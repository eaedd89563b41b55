"""Discord's limits on buttons, select menus and text inputs, and on what may stand where."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from botmon_cog.testing import layout_limits as layout
from botmon_cog.testing.emojis import is_unicode_emoji
from botmon_cog.testing.errors import Fault, Payload
from botmon_cog.testing.form_checks import (
    REQUIRED,
    Path,
    bad_length,
    check_integer,
    check_length,
    check_optional_length,
    check_shape,
    check_type,
    check_url,
    too_long,
)

ROW, BUTTON, STRING_SELECT, TEXT_INPUT, LABEL = 1, 2, 3, 4, 18
SELECTS = (3, 5, 6, 7, 8)
LINK_STYLE, PREMIUM_STYLE = 5, 6
ROWS = 5
ROW_WIDTH = 5
SELECT_OPTIONS = 25
COMPONENTS_IN_ALL = 40
TEXT_CHARACTERS_IN_ALL = 4000
CUSTOM_ID_CHARACTERS = 100
BUTTON_CHARACTERS, BUTTON_URL_CHARACTERS = 80, 512
PLACEHOLDER_CHARACTERS, OPTION_CHARACTERS = 150, 100
INPUT_CHARACTERS = 4000
_LABEL_CHARACTERS = 45
_BUTTON_URL_SCHEMES = ("http", "https", "discord")
KnowsEmoji = Callable[[int], bool]
"""Whether the bot may use the custom emoji of this id."""


def knows_unicode_only(_: int) -> bool:
    return False


def walk(components: list[Payload], path: Path = ("components",)) -> Iterator[tuple[Path, Payload]]:
    """Every component at any depth, with where it stands in the body."""
    for index, component in enumerate(components):
        here = (*path, index)
        yield here, component
        yield from walk(component.get("components") or [], (*here, "components"))
        for key in ("accessory", "component"):
            if component.get(key):
                yield (*here, key), component[key]


def check_components(
    components: list[Payload], *, is_v2: bool, knows_emoji: KnowsEmoji = knows_unicode_only
) -> list[Fault]:
    """The faults of a message's components, which are known to be objects (see `check_shape`)."""
    faults: list[Fault] = []
    if not is_v2 and len(components) > ROWS:
        faults.append((("components",), *too_long(ROWS)))
    for index, component in enumerate(components):
        faults += _check_tree(("components", index), component, layout.TOP_LEVEL if is_v2 else (ROW,))
    everything = list(walk(components))
    if is_v2 and len(everything) > COMPONENTS_IN_ALL:
        text = f"Total number of components cannot exceed {COMPONENTS_IN_ALL}"
        faults.append((("components",), "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED", text))
    characters = [len(str(c.get("content") or "")) for _, c in everything if c.get("type") == layout.TEXT_DISPLAY]
    if sum(characters) > TEXT_CHARACTERS_IN_ALL >= max(characters):
        text = f"Components displayable text size exceeds maximum size of {TEXT_CHARACTERS_IN_ALL}"
        faults.append((("components",), "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED", text))
    faults += _check_custom_ids(everything)
    faults += _check_emojis(everything, knows_emoji)
    return faults


def check_modal(modal: Payload, *, knows_emoji: KnowsEmoji = knows_unicode_only) -> list[Fault]:
    """The faults of a modal, below `data` as in the request."""
    faults = list(check_shape((), modal))
    if not faults:
        faults += check_length(("custom_id",), modal.get("custom_id"), 1, CUSTOM_ID_CHARACTERS)
        faults += check_length(("title",), modal.get("title"), 1, _LABEL_CHARACTERS)
        components: list[Payload] = modal.get("components") or []
        if not 1 <= len(components) <= ROWS:
            faults.append((("components",), *bad_length(1, ROWS)))
        for index, component in enumerate(components):
            faults += _check_tree(("components", index), component, layout.TOP_LEVEL_OF_MODALS, is_modal=True)
        everything = list(walk(components))
        faults += _check_custom_ids(everything)
        faults += _check_emojis(everything, knows_emoji)
    return [(("data", *path), code, text) for path, code, text in faults]


def _check_tree(path: Path, component: Payload, allowed: tuple[int, ...], *, is_modal: bool = False) -> Iterator[Fault]:
    """A component and what it holds; below one that may not stand here nothing is looked at."""
    misplaced = list(check_type(path, component, allowed))
    if misplaced:
        yield from misplaced
        return
    kind: int = component["type"]
    if kind in _CHECKS:
        yield from _CHECKS[kind](path, component)
    elif kind in SELECTS:
        yield from _check_select(path, component)
    else:
        yield from layout.check(path, component)
    for key, below in layout.allowed_below(kind, is_modal=is_modal).items():
        if key == "components":
            for index, inner in enumerate(component.get(key) or []):
                yield from _check_tree((*path, key, index), inner, below, is_modal=is_modal)
        elif component.get(key):
            yield from _check_tree((*path, key), component[key], below, is_modal=is_modal)


def _check_row(path: Path, row: Payload) -> Iterator[Fault]:
    inside: list[Payload] = row.get("components") or []
    if not 1 <= len(inside) <= ROW_WIDTH:
        yield (*path, "components"), *bad_length(1, ROW_WIDTH)
        return
    width = 0
    for index, component in enumerate(inside):
        width += 1 if component.get("type") == BUTTON else ROW_WIDTH
        if width > ROW_WIDTH:
            text = "The specified component exceeds the maximum width"
            yield (*path, "components", index), "COMPONENT_LAYOUT_WIDTH_EXCEEDED", text


def _check_button(path: Path, button: Payload) -> Iterator[Fault]:
    style = button.get("style")
    if not isinstance(style, int) or not 1 <= style <= PREMIUM_STYLE:
        yield (*path, "style"), "BASE_TYPE_CHOICES", "Value must be one of {1, 2, 3, 4, 5, 6}."
    if style == PREMIUM_STYLE:
        if not button.get("sku_id"):
            yield (*path, "sku_id"), *REQUIRED
        return
    if style == LINK_STYLE:
        yield from _check_link(path, button)
    elif not button.get("custom_id"):
        yield (*path, "custom_id"), "BUTTON_COMPONENT_CUSTOM_ID_REQUIRED", "A custom id is required"
    else:
        yield from check_length((*path, "custom_id"), button["custom_id"], 1, CUSTOM_ID_CHARACTERS)
    if not button.get("label") and not button.get("emoji"):
        yield (*path, "label"), "BUTTON_COMPONENT_INVALID_LABEL", "A button needs a label or an emoji"
    yield from check_optional_length((*path, "label"), button.get("label"), BUTTON_CHARACTERS)


def _check_link(path: Path, button: Payload) -> Iterator[Fault]:
    url_path = (*path, "url")
    if not button.get("url"):
        yield url_path, "BUTTON_COMPONENT_URL_REQUIRED", "A url is required"
    elif button.get("custom_id"):
        text = "A custom id and url cannot both be specified"
        for key in ("custom_id", "url"):
            yield (*path, key), "BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE", text
    yield from check_url(url_path, button.get("url"), _BUTTON_URL_SCHEMES, BUTTON_URL_CHARACTERS)


def _check_select(path: Path, select: Payload) -> Iterator[Fault]:
    yield from check_length((*path, "custom_id"), select.get("custom_id"), 1, CUSTOM_ID_CHARACTERS)
    yield from check_optional_length((*path, "placeholder"), select.get("placeholder"), PLACEHOLDER_CHARACTERS)
    counts = [
        *check_integer((*path, "min_values"), select.get("min_values"), 0, SELECT_OPTIONS),
        *check_integer((*path, "max_values"), select.get("max_values"), 1, SELECT_OPTIONS),
    ]
    yield from counts
    if select["type"] != STRING_SELECT:
        return
    options: list[Payload] = select.get("options") or []
    if not 1 <= len(options) <= SELECT_OPTIONS:
        yield (*path, "options"), *bad_length(1, SELECT_OPTIONS)
    elif not counts:
        yield from _check_counts(path, select, options)
    for index, option in enumerate(options):
        here = (*path, "options", index)
        yield from check_length((*here, "label"), option.get("label"), 1, OPTION_CHARACTERS)
        yield from check_length((*here, "value"), option.get("value"), 1, OPTION_CHARACTERS)
        yield from check_optional_length((*here, "description"), option.get("description"), OPTION_CHARACTERS)
        if option.get("value") in [earlier.get("value") for earlier in options[:index]]:
            text = "The specified option value is already used"
            yield (*here, "value"), "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED", text


def _check_counts(path: Path, select: Payload, options: list[Payload]) -> Iterator[Fault]:
    low, high = select.get("min_values"), select.get("max_values")
    low, high = 1 if low is None else int(low), 1 if high is None else int(high)
    if low > len(options):
        text = f"min_values value should be less than or equal to {len(options)}."
        yield (*path, "min_values"), "NUMBER_TYPE_MAX", text
    if high > len(options):
        yield (*path, "options"), "BASE_TYPE_MIN_LENGTH", f"Must be {high} or more in length."
    if sum(bool(option.get("default")) for option in options) > high:
        text = "The specified number of default values exceeds the specified maximum values"
        yield (*path, "options"), "SELECT_COMPONENT_TOO_MANY_DEFAULT_VALUES", text


def _check_text_input(path: Path, field: Payload) -> Iterator[Fault]:
    yield from check_length((*path, "custom_id"), field.get("custom_id"), 1, CUSTOM_ID_CHARACTERS)
    if field.get("label") is not None:
        yield from check_length((*path, "label"), field["label"], 1, _LABEL_CHARACTERS)
    yield from check_optional_length((*path, "placeholder"), field.get("placeholder"), 100)
    yield from check_optional_length((*path, "value"), field.get("value"), INPUT_CHARACTERS)
    yield from check_integer((*path, "min_length"), field.get("min_length"), 0, INPUT_CHARACTERS)
    yield from check_integer((*path, "max_length"), field.get("max_length"), 1, INPUT_CHARACTERS)


def _check_label(path: Path, label: Payload) -> Iterator[Fault]:
    yield from check_length((*path, "label"), label.get("label"), 1, _LABEL_CHARACTERS)
    yield from check_optional_length((*path, "description"), label.get("description"), 100)
    if not label.get("component"):
        yield (*path, "component"), *REQUIRED


_CHECKS: dict[int, Callable[[Path, Payload], Iterator[Fault]]] = {
    ROW: _check_row,
    BUTTON: _check_button,
    TEXT_INPUT: _check_text_input,
    LABEL: _check_label,
}


def _check_custom_ids(everything: list[tuple[Path, Payload]]) -> Iterator[Fault]:
    seen: list[object] = []
    for path, component in everything:
        custom_id = component.get("custom_id")
        if custom_id is not None and custom_id in seen:
            yield (*path, "custom_id"), "COMPONENT_CUSTOM_ID_DUPLICATED", "Component custom id cannot be duplicated"
        seen.append(custom_id)


def _check_emojis(everything: list[tuple[Path, Payload]], knows_emoji: KnowsEmoji) -> Iterator[Fault]:
    for path, component in everything:
        options: list[Payload] = component.get("options") or []
        holders = [(path, component), *(((*path, "options", index), option) for index, option in enumerate(options))]
        for here, holder in holders:
            emoji: Payload | None = holder.get("emoji")
            if emoji is None:
                continue
            key = "id" if emoji.get("id") else "name"
            given = str(emoji.get(key) or "")
            is_known = given.isdigit() and knows_emoji(int(given)) if key == "id" else is_unicode_emoji(given)
            if not is_known:
                yield (*here, "emoji", key), "COMPONENT_INVALID_EMOJI", "Invalid emoji"
