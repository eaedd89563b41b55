"""A user's act on a command, a component or a modal -> the interaction that Discord sends for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from botmon_cog.testing import options as typing_
from botmon_cog.testing.commands import (
    CHAT_INPUT,
    MESSAGE_MENU,
    SUBCOMMAND,
    USER_MENU,
    descend,
    nearest,
)
from botmon_cog.testing.component_limits import (
    BUTTON,
    LABEL,
    LINK_STYLE,
    PREMIUM_STYLE,
    ROW,
    SELECTS,
    STRING_SELECT,
    TEXT_INPUT,
    walk,
)
from botmon_cog.testing.errors import Payload
from botmon_cog.testing.interactions import AUTOCOMPLETE, COMMAND, COMPONENT, MODAL, open_interaction
from botmon_cog.testing.messages import SeenMessage

if TYPE_CHECKING:
    from botmon_cog.testing.answers import Answer
    from botmon_cog.testing.channels import LoopbackChannel
    from botmon_cog.testing.people import LoopbackUser

_EMOJI_NAMES = ("emoji_text", "emoji_name", "emoji_id")
_SELECTED_KIND = {5: typing_.USER, 6: typing_.ROLE, 7: typing_.MENTIONABLE, 8: typing_.CHANNEL}


def slash(user: LoopbackUser, channel: LoopbackChannel, path: str, given: dict[str, Any]) -> Answer:
    name, *below = path.removeprefix("/").split()
    command = user.world.commands.find(name, CHAT_INPUT, user, channel)
    levels = descend(command, below)
    resolver = typing_.Resolver(user.world, channel)
    typed = typing_.type_options(levels[-1].get("options", []), given, resolver)
    data = _command_data(command, levels, typed, resolver)
    return open_interaction(user.world, COMMAND, user, channel, data, act=f"/{path.removeprefix('/')}")


def autocomplete(  # called from one place, in the order of the sentence
    user: LoopbackUser, channel: LoopbackChannel, path: str, focused: str, value: Any, given: dict[str, Any]
) -> Answer:
    name, *below = path.removeprefix("/").split()
    command = user.world.commands.find(name, CHAT_INPUT, user, channel)
    levels = descend(command, below)
    resolver = typing_.Resolver(user.world, channel)
    typed = typing_.type_loosely(levels[-1].get("options", []), {**given, focused: value}, focused, resolver)
    resolver.resolved.clear()  # Discord sends no resolved data while the user still types.
    data = _command_data(command, levels, typed, resolver)
    return open_interaction(user.world, AUTOCOMPLETE, user, channel, data, act=f"typing in /{path.removeprefix('/')}")


def context_menu(user: LoopbackUser, channel: LoopbackChannel, name: str, target: LoopbackUser | SeenMessage) -> Answer:
    kind = MESSAGE_MENU if isinstance(target, SeenMessage) else USER_MENU
    command = user.world.commands.find(name, kind, user, channel)
    resolver = typing_.Resolver(user.world, channel)
    target_id = resolver.message(target) if isinstance(target, SeenMessage) else resolver.user(target)
    data = _command_data(command, [command], [], resolver) | {"target_id": target_id}
    return open_interaction(user.world, COMMAND, user, channel, data, act=f"the context menu {name!r}")


def click(user: LoopbackUser, message: SeenMessage, name: str) -> Answer:
    usable = [c for c in _components(user, message) if c["type"] == BUTTON]
    button = _named([_with_emoji_names(c) for c in usable], name, "button", ("custom_id", "label", *_EMOJI_NAMES))
    if button.get("style") in (LINK_STYLE, PREMIUM_STYLE):
        raise LookupError(f"the button {name!r} is a link: pressing it does not reach the bot")
    data: Payload = {"component_type": BUTTON, "custom_id": button["custom_id"], "id": button.get("id", 0)}
    return _use(user, message, data, f"the button {name!r}")


def select(user: LoopbackUser, message: SeenMessage, name: str, values: tuple[Any, ...]) -> Answer:
    usable = [c for c in _components(user, message) if c["type"] in SELECTS]
    menu = _named(usable, name, "select menu", ("custom_id", "placeholder"))
    resolver = typing_.Resolver(user.world, message.channel)
    data: Payload = {
        "component_type": menu["type"],
        "custom_id": menu["custom_id"],
        "id": menu.get("id", 0),
        "values": _selected(menu, values, resolver),
    }
    if resolver.resolved:
        data["resolved"] = resolver.resolved
    return _use(user, message, data, f"the select menu {name!r}")


def submit(user: LoopbackUser, opened: Answer, inputs: dict[str, Any]) -> Answer:
    modal = opened.modal
    interaction = user.world.interaction_of(opened)
    if modal is None or interaction.user is not user:
        raise LookupError(f"{user.name} has no open modal: {opened.describe()}")
    resolver = typing_.Resolver(user.world, interaction.channel)
    left = dict(inputs)
    components = [_filled(component, None, left, resolver) for component in modal["components"]]
    if left:
        known = {c["custom_id"] for _, c in walk(modal["components"]) if "custom_id" in c}
        name = next(iter(left))
        raise LookupError(f"the modal {modal['title']!r} has no input {name!r}{nearest(name, known)}")
    data: Payload = {"custom_id": modal["custom_id"], "components": components}
    if resolver.resolved:
        data["resolved"] = resolver.resolved
    act = f"the modal {modal['title']!r}"
    return open_interaction(user.world, MODAL, user, interaction.channel, data, act=act, source=interaction.source)


def _command_data(command: Payload, levels: list[Payload], typed: list[Payload], resolver: typing_.Resolver) -> Payload:
    options = typed
    for level in reversed(levels[1:]):
        options = [{"name": level["name"], "type": level["type"], "options": options}]
    data: Payload = {"id": command["id"], "name": command["name"], "type": command["type"]}
    if options or (levels[-1]["type"] == SUBCOMMAND and len(levels) > 1):
        data["options"] = options
    if resolver.resolved:
        data["resolved"] = resolver.resolved
    if "guild_id" in command:
        data["guild_id"] = command["guild_id"]
    return data


def _components(user: LoopbackUser, message: SeenMessage) -> list[Payload]:
    if message.deleted:
        raise LookupError("the message was deleted")
    if message.visible_to not in (None, user):
        raise LookupError(f"{user.name} cannot see this message: it is ephemeral")
    return [component for _, component in walk(message.components)]


def _named(usable: list[Payload], name: str, what: str, keys: tuple[str, ...]) -> Payload:
    for key in keys:
        for component in usable:
            if component.get(key) == name:
                if component.get("disabled"):
                    raise LookupError(f"the {what} {name!r} is disabled")
                return component
    known = {str(component.get(key)) for component in usable for key in keys if component.get(key)}
    raise LookupError(f"the message has no {what} {name!r}; it has {sorted(known) or 'none'}")


def _with_emoji_names(button: Payload) -> Payload:
    """With the ways to name the emoji of a button beside what the button has."""
    emoji: Payload = button.get("emoji") or {}
    if emoji.get("id") is None:
        return {**button, "emoji_text": emoji.get("name")}
    sign = "a" if emoji.get("animated") else ""
    text = f"<{sign}:{emoji['name']}:{emoji['id']}>"
    return {**button, "emoji_text": text, "emoji_name": emoji["name"], "emoji_id": str(emoji["id"])}


def _use(user: LoopbackUser, message: SeenMessage, data: Payload, act: str) -> Answer:
    return open_interaction(user.world, COMPONENT, user, message.channel, data, act=act, source=message)


def _selected(menu: Payload, values: tuple[Any, ...], resolver: typing_.Resolver) -> list[str]:
    low, high = menu.get("min_values", 1), menu.get("max_values", 1)
    if not (low or 0) <= len(values) <= (high or 1):
        raise ValueError(f"the select menu takes {low} to {high} values, not {len(values)}")
    chosen: list[str] = []
    for value in values:
        if menu["type"] == STRING_SELECT:
            found = next((o["value"] for o in menu["options"] if value in (o["value"], o["label"])), None)
        else:
            found = _resolved(menu, value, resolver)
        if found is None:
            raise LookupError(f"the select menu does not offer {value!r}")
        chosen.append(found)
    return chosen


def _resolved(menu: Payload, value: Any, resolver: typing_.Resolver) -> str | None:
    found = resolver.mentionable(value, _SELECTED_KIND[menu["type"]])
    types: list[int] | None = menu.get("channel_types")
    if found is not None and types and resolver.resolved["channels"][found]["type"] not in types:
        return None
    return found


def _filled(component: Payload, label: str | None, left: dict[str, Any], resolver: typing_.Resolver) -> Payload:
    kind = component["type"]
    filled: Payload = {"type": kind, "id": component.get("id", 0)}
    if kind == ROW:
        return filled | {"components": [_filled(c, label, left, resolver) for c in component["components"]]}
    if kind == LABEL:
        return filled | {"component": _filled(component["component"], component.get("label"), left, resolver)}
    if "custom_id" not in component:
        return filled
    names = (component["custom_id"], component.get("label"), label)
    name = next((name for name in names if name in left), None)
    given: Any = None if name is None else left.pop(name)
    return filled | {"custom_id": component["custom_id"]} | _input(component, given, resolver)


def _input(component: Payload, given: Any, resolver: typing_.Resolver) -> Payload:
    kind = component["type"]
    if kind == TEXT_INPUT:
        return {"value": _text(component, component.get("value") or "" if given is None else given)}
    values: tuple[Any, ...] = () if given is None else (given,)
    if isinstance(given, (list, tuple)):
        values = tuple(cast("list[Any]", given))
    if kind not in SELECTS:
        raise LookupError(f"the modal's input {component['custom_id']!r} is of a type ({kind}) that is not imitated")
    if not values and not component.get("required", True):
        return {"values": []}
    return {"values": _selected(component, values, resolver)}


def _text(component: Payload, text: str) -> str:
    name = component["custom_id"]
    if not text and component.get("required", True):
        raise ValueError(f"the modal's input {name!r} must be filled in")
    low, high = component.get("min_length") or 0, component.get("max_length") or 4000
    if text and not low <= len(text) <= high:
        raise ValueError(f"the modal's input {name!r} takes {low} to {high} characters, not {len(text)}")
    return text
