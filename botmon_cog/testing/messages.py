"""Messages as people see them: one live object per message, edits applied."""

from __future__ import annotations

import mimetypes
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botmon_cog.testing.errors import Payload
from botmon_cog.testing.limits import COMPONENTS_V2, EPHEMERAL, LOADING, SUPPRESS_EMBEDS

if TYPE_CHECKING:
    from botmon_cog.testing.answers import Answer
    from botmon_cog.testing.channels import LoopbackChannel
    from botmon_cog.testing.people import LoopbackUser

_REPLY = 19
"""Discord's type of such a message."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that a user attaches to a slash command or a message."""

    filename: str
    bytes: bytes


@dataclass(frozen=True, slots=True)
class SeenAttachment:
    id: int
    filename: str
    bytes: bytes
    url: str
    description: str | None = None

    @property
    def size(self) -> int:
        """In bytes."""
        return len(self.bytes)

    def payload(self) -> Payload:
        body: Payload = {
            "id": str(self.id),
            "filename": self.filename,
            "size": self.size,
            "url": self.url,
            "proxy_url": self.url,
            "content_type": mimetypes.guess_type(self.filename)[0] or "application/octet-stream",
        }
        if self.description is not None:
            body["description"] = self.description
        return body


@dataclass(slots=True, eq=False, repr=False)
class SeenMessage:
    """A message; it stays the same object when the bot edits or deletes it."""

    id: int
    channel: LoopbackChannel
    author: LoopbackUser | None
    """None for a plain webhook."""
    body: Payload
    """The whole message as Discord's JSON."""
    attachments: list[SeenAttachment] = field(default_factory=list[SeenAttachment])
    visible_to: LoopbackUser | None = None
    """The one user who sees an ephemeral message; None: everyone in the channel."""
    interaction_id: int | None = None
    """The interaction that this message answers."""
    answer: Answer | None = None
    reactors: dict[str, list[LoopbackUser]] = field(default_factory=dict[str, "list[LoopbackUser]"])
    """Id of a custom emoji or the characters of another -> who reacted with it."""
    edited: bool = False
    deleted: bool = False

    @property
    def content(self) -> str:
        return self.body["content"]

    @property
    def embeds(self) -> list[Payload]:
        return self.body["embeds"]

    @property
    def components(self) -> list[Payload]:
        return self.body["components"]

    @property
    def flags(self) -> int:
        return self.body["flags"]

    @property
    def ephemeral(self) -> bool:
        return bool(self.flags & EPHEMERAL)

    @property
    def is_loading(self) -> bool:
        """Whether the user still sees "Bot is thinking..."."""
        return bool(self.flags & LOADING)

    @property
    def is_v2(self) -> bool:
        return bool(self.flags & COMPONENTS_V2)

    @property
    def is_from_bot(self) -> bool:
        return self.author is None or self.author.is_bot

    def __repr__(self) -> str:
        return f"<SeenMessage {self.id} in {self.channel.name!r}: {self.content[:60]!r}, {len(self.embeds)} embed(s)>"

    def is_empty(self) -> bool:
        body = self.body
        return not any(
            body.get(key) for key in ("content", "embeds", "components", "attachments", "poll", "sticker_items")
        )

    def make_reply(self, replied_id: int, replied: SeenMessage | None) -> None:
        """An answer to the message of that id; None: it is gone."""
        self.body["type"] = _REPLY
        self.body["message_reference"] = {
            "type": 0,
            "message_id": str(replied_id),
            "channel_id": str(self.channel.id),
            **({} if self.channel.guild is None else {"guild_id": str(self.channel.guild.id)}),
        }
        self.body["referenced_message"] = replied.body if replied else None

    def edit(self, changes: Payload, attachments: list[SeenAttachment], edited_at: str) -> None:
        """Apply what is in `changes`; what is absent stays."""
        for key in ("content", "embeds", "components"):
            if key in changes:
                self.body[key] = changes[key] or ("" if key == "content" else [])
        if changes.get("flags") is not None:
            # An edit can hide and show embeds and turn a message into components v2, which is for good.
            kept = self.flags & ~SUPPRESS_EMBEDS
            self.body["flags"] = kept | changes["flags"] & (SUPPRESS_EMBEDS | COMPONENTS_V2)
        self.attachments = attachments
        self.body["attachments"] = [attachment.payload() for attachment in attachments]
        if self.is_loading:
            self.body["flags"] &= ~LOADING
        else:
            self.edited = True
            self.body["edited_timestamp"] = edited_at


def kept_attachments(message: SeenMessage, changes: Payload, uploaded: list[SeenAttachment]) -> list[SeenAttachment]:
    """What an edit leaves: without an `attachments` list all of the old and the new, else what the list names."""
    listed: list[Payload] | None = changes.get("attachments")
    if listed is None:
        if "attachments" in changes:
            return list(uploaded)
        return [*message.attachments, *uploaded]
    named: set[Any] = {str(entry.get("id")) for entry in listed}
    return [old for old in message.attachments if str(old.id) in named] + uploaded
