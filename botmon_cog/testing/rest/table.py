"""All routes that are imitated, and the names of those that are not."""

from __future__ import annotations

import re

from botmon_cog.testing import errors
from botmon_cog.testing.rest import (
    bans,
    channel_webhooks,
    channels,
    commands,
    directory,
    emojis,
    interactions,
    invites,
    members,
    messages,
    oneself,
    overwrites,
    pins,
    reactions,
    roles,
    threads,
    webhooks,
)
from botmon_cog.testing.rest.call import Route

_MODULES = (
    oneself,
    directory,
    channels,
    overwrites,
    threads,
    messages,
    reactions,
    pins,
    members,
    roles,
    bans,
    emojis,
    invites,
    channel_webhooks,
    commands,
    interactions,
    webhooks,
)
ROUTES: list[Route] = [route for module in _MODULES for route in module.ROUTES]
# Literal paths win over templates: "/users/@me" is not a user of the id "@me".
_BY_PATH = [(route.pattern(), route) for route in sorted(ROUTES, key=lambda route: route.template.count("{"))]


class NotImitatedError(Exception):
    """A bot asked for something that real Discord may well have, and this one has not.

    `requests` are the names of the routes, each once: "PUT /guilds/{id}/onboarding".
    """

    def __init__(self, requests: list[str]) -> None:
        self.requests = list(dict.fromkeys(requests))
        several = "are" if len(self.requests) > 1 else "is"
        super().__init__(
            f"{', '.join(self.requests)} {several} not imitated by this loopback, so what the bot made of the answer"
            " says nothing; LoopbackDiscord(strict=False) lets it pass, faults.fail_next(path=…) refuses it as planned"
        )


def blame(missing: NotImitatedError, error: BaseException | None) -> None:
    """Raise it, or tell of it together with the error that the test fails with anyway."""
    if error is None:
        raise missing
    if error.__cause__ is None and error.__context__ is None:
        error.__cause__ = missing
    else:
        error.add_note(str(missing))


def find(method: str, path: str) -> tuple[Route, dict[str, str]]:
    """The route and what its template stands for; DiscordError 501 where there is none."""
    for pattern, route in _BY_PATH:
        match = pattern.fullmatch(path)
        if match is not None and route.method == method:
            return route, match.groupdict()
    raise errors.not_imitated(name_of(method, path))


def name_of(method: str, path: str) -> str:
    """As in Discord's documentation, without the ids and tokens of this one request."""
    named = re.sub(r"/\d+(?=/|$)", "/{id}", path)
    named = re.sub(r"(/(?:webhooks|interactions)/\{id\})/[^/]+", r"\1/{token}", named)
    named = re.sub(r"(/reactions)/[^/]+", r"\1/{emoji}", named)
    named = re.sub(r"(/(?:invites|templates))/[^/]+", r"\1/{code}", named)
    return f"{method} {named}"
