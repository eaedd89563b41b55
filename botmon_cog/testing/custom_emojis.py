"""Emojis with a picture: those of a guild, and those of the application, which it can use anywhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botmon_cog.testing import pictures
from botmon_cog.testing.errors import Payload

if TYPE_CHECKING:
    from botmon_cog.testing.guilds import LoopbackGuild
    from botmon_cog.testing.people import LoopbackUser
    from botmon_cog.testing.world import World


@dataclass(slots=True, eq=False)
class CustomEmoji:
    id: int
    name: str
    image: bytes = field(repr=False)
    creator: LoopbackUser = field(repr=False)
    guild: LoopbackGuild | None = field(default=None, repr=False)
    """None: the application's."""
    animated: bool = False
    role_ids: list[int] = field(default_factory=list[int], repr=False)
    """Of the roles that may use it; empty: everyone may."""

    def __str__(self) -> str:
        """As it stands in a message."""
        return f"<{'a' if self.animated else ''}:{self.name}:{self.id}>"

    def payload(self) -> Payload:
        return {
            "id": str(self.id),
            "name": self.name,
            "roles": [str(role_id) for role_id in self.role_ids],
            "user": self.creator.payload(),
            "require_colons": True,
            "managed": False,
            "animated": self.animated,
            "available": True,
        }


def add(
    world: World, name: str, image: bytes, creator: LoopbackUser, guild: LoopbackGuild | None = None
) -> CustomEmoji:
    """A new emoji of the guild, or of the application; who has to hear of it is not told."""
    emoji = CustomEmoji(world.ids.next(), name, image, creator, guild, pictures.is_animated(image))
    world.custom_emojis[emoji.id] = emoji
    world.cdn[f"emojis/{emoji.id}"] = image
    return emoji


def forget(world: World, emoji: CustomEmoji) -> None:
    del world.custom_emojis[emoji.id]
    del world.cdn[f"emojis/{emoji.id}"]
