"""Discord's limits on buttons, selects, modals and the layout around them."""

from __future__ import annotations

from collections.abc import Iterator

from botmon_cog.testing.errors import Fault, Payload

ROW, BUTTON, STRING_SELECT, TEXT_INPUT, LABEL = 1, 2, 3, 4, 18
SELECTS = (3, 5, 6, 7, 8)
LINK_STYLE, PREMIUM_STYLE = 5, 6
_V2_TOP_LEVEL = (1, 9, 10, 12, 13, 14, 17)
_V2_COMPONENTS_IN_ALL = 40
Path = tuple[str | int, ...]


def walk(components: list[Payload], path: Path = ("components",)) -> Iterator[tuple[Path, Payload]]:
    """Every component at any depth, with where it stands in the body."""
    for index, component in enumerate(components):
        here = (*path, index)
        yield here, component
        yield from walk(component.get("components") or [], (*here, "components"))
        for key in ("accessory", "component"):
            if component.get(key):
                yield (*here, key), component[key]


def check_components(components: list[Payload], *, is_v2: bool) -> list[Fault]:
    faults: list[Fault] = []
    if not is_v2 and len(components) > 5:  # noqa: PLR2004  # Discord's number of rows
        faults.append((("components",), "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length."))
    allowed = _V2_TOP_LEVEL if is_v2 else (ROW,)
    for index, component in enumerate(components):
        if component.get("type") not in allowed:
            text = f'Value of field "type" must be one of {allowed!r}.'
            faults.append((("components", index, "type"), "UNION_TYPE_CHOICES", text))
    everything = list(walk(components))
    if is_v2 and len(everything) > _V2_COMPONENTS_IN_ALL:
        text = f"The total number of components cannot exceed {_V2_COMPONENTS_IN_ALL}"
        faults.append((("components",), "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED", text))
    faults += _check_each(everything)
    return faults


def check_modal(modal: Payload) -> list[Fault]:
    faults: list[Fault] = []
    faults += _length(("custom_id",), modal.get("custom_id"), 1, 100)
    faults += _length(("title",), modal.get("title"), 1, 45)
    components: list[Payload] = modal.get("components") or []
    if not 1 <= len(components) <= 5:  # noqa: PLR2004  # Discord's number of rows
        faults.append((("components",), "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length."))
    faults += _check_each(list(walk(components)))
    return [(("data", *path), code, text) for path, code, text in faults]


def _check_each(everything: list[tuple[Path, Payload]]) -> Iterator[Fault]:
    seen: set[str] = set()
    for path, component in everything:
        kind = component.get("type")
        if kind == ROW:
            yield from _check_row(path, component)
        elif kind == BUTTON:
            yield from _check_button(path, component)
        elif kind in SELECTS:
            yield from _check_select(path, component)
        elif kind == TEXT_INPUT:
            yield from _length((*path, "custom_id"), component.get("custom_id"), 1, 100)
            if component.get("label") is not None:
                yield from _length((*path, "label"), component["label"], 1, 45)
        custom_id = component.get("custom_id")
        if custom_id is not None and custom_id in seen:
            yield (*path, "custom_id"), "COMPONENT_CUSTOM_ID_DUPLICATED", "Component custom id cannot be duplicated"
        elif custom_id is not None:
            seen.add(custom_id)


def _check_row(path: Path, row: Payload) -> Iterator[Fault]:
    inside: list[Payload] = row.get("components") or []
    if not 1 <= len(inside) <= 5:  # noqa: PLR2004  # Discord's width of a row
        yield (*path, "components"), "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length."
    elif len(inside) > 1 and any(component.get("type") != BUTTON for component in inside):
        yield (
            (*path, "components"),
            "COMPONENT_LAYOUT_WIDTH_EXCEEDED",
            "The specified component exceeds the maximum width",
        )


def _check_button(path: Path, button: Payload) -> Iterator[Fault]:
    style = button.get("style")
    if not isinstance(style, int) or not 1 <= style <= PREMIUM_STYLE:
        yield (*path, "style"), "BASE_TYPE_CHOICES", "Value must be one of {1, 2, 3, 4, 5, 6}."
    if style == LINK_STYLE:
        if not button.get("url"):
            yield (*path, "url"), "BUTTON_COMPONENT_URL_REQUIRED", "A url is required"
    elif style != PREMIUM_STYLE:
        yield from _length((*path, "custom_id"), button.get("custom_id"), 1, 100)
        if not button.get("label") and not button.get("emoji"):
            yield (*path, "label"), "BUTTON_COMPONENT_INVALID_LABEL", "A button needs a label or an emoji"
    if button.get("label"):
        yield from _length((*path, "label"), button["label"], 1, 80)


def _check_select(path: Path, select: Payload) -> Iterator[Fault]:
    yield from _length((*path, "custom_id"), select.get("custom_id"), 1, 100)
    if select.get("placeholder"):
        yield from _length((*path, "placeholder"), select["placeholder"], 1, 150)
    if select.get("type") != STRING_SELECT:
        return
    options: list[Payload] = select.get("options") or []
    if not 1 <= len(options) <= 25:  # noqa: PLR2004  # Discord's number of options
        yield (*path, "options"), "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 25 in length."
    values: set[str] = set()
    for index, option in enumerate(options):
        here = (*path, "options", index)
        yield from _length((*here, "label"), option.get("label"), 1, 100)
        yield from _length((*here, "value"), option.get("value"), 1, 100)
        if option.get("description"):
            yield from _length((*here, "description"), option["description"], 1, 100)
        if option.get("value") in values:
            yield (
                (*here, "value"),
                "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED",
                "The specified option value is already used",
            )
        values.add(str(option.get("value")))


def _length(path: Path, text: object, low: int, high: int) -> Iterator[Fault]:
    if not isinstance(text, str) or not text:
        yield path, "BASE_TYPE_REQUIRED", "This field is required"
    elif not low <= len(text) <= high:
        yield path, "BASE_TYPE_BAD_LENGTH", f"Must be between {low} and {high} in length."
