"""`/stats people` as it is shown."""

from __future__ import annotations

import discord

from botmon_cog.discord_ui.parts import NEUTRAL, clamp, span, table
from botmon_cog.domain import text
from botmon_cog.history.people import People, Person

MOST_SHOWN = 15

_NAME_CHARS = 60


def people(found: People, guild_name: str | None, kept_days: int | None = None) -> discord.Embed:
    """`guild_name` None: all servers. `kept_days`: how long rows are kept, where that is less than the period."""
    where = "" if guild_name is None else f" · {text.plain(guild_name, _NAME_CHARS)}"
    embed = discord.Embed(title=f"People{where}", colour=NEUTRAL)
    if not found.top:
        embed.description = (
            f"Nobody used a command in this time ({span(found.period)}).\n"
            "Those who use most appear here as soon as somebody does."
        )
    else:
        people_words = text.plural(found.n, "person", "people")
        command_words = text.plural(found.commands, "command", "commands")
        embed.description = (
            f"**{text.count(found.n)}** {people_words} used **{text.count(found.commands)}** {command_words}"
        )
        rows = [(name(each), text.compact(each.commands), str(each.days)) for each in found.top]
        more = f"and {text.count(found.n - len(found.top))} more" if found.n > len(found.top) else ""
        embed.add_field(name="Most active", value=f"{table([('', 'cmds', 'days'), *rows])}{more}", inline=False)
    footer = [span(found.period), *([] if guild_name is not None else ["all servers"])]
    if kept_days is not None:
        footer.append(f"of {text.count(kept_days)} days: older rows are not kept")
    embed.set_footer(text=" · ".join(footer))
    return clamp(embed)


def name(person: Person) -> str:
    """As they are called; the id where no name is on record."""
    return person.username or person.user_id
