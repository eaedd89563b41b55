"""What each finding is called, and what to do about it: Markdown that reads as well on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from botmon_cog.domain import text
from botmon_cog.setup_check.findings import Finding, of_severity


class Said(NamedTuple):
    """In words.

    Attributes:
        title: without a full stop; of what is fine, all there is to say.
        remedy: what to do, in sentences; empty where all is fine.
    """

    title: str
    remedy: str = ""


_MOST_NAMES = 6


def headline(findings: Sequence[Finding]) -> str:
    """In one line, for every reader."""
    n = len(of_severity(findings, "wrong"))
    if n:
        return f"Set-up: {text.count(n)} {text.plural(n, 'thing', 'things')} to fix"
    n = len(of_severity(findings, "warning"))
    return f"Set-up: {text.count(n)} {text.plural(n, 'thing', 'things')} to know" if n else "Set-up: all is well"


def said_of(finding: Finding) -> Said:
    return WORDS[finding.what](**finding.values)


def _names(names: Sequence[str]) -> str:
    return text.listed([text.inline_code(name, 40) for name in names], _MOST_NAMES)


# -- the bot -----------------------------------------------------------------------------------------------------------


def _no_content(commands: int) -> Said:
    return Said(
        f"{text.count(commands)} prefix {text.plural(commands, 'command', 'commands')} can't be read",
        "Without the message content intent the bot reads only messages that mention it. Enable it in Discord's "
        "developer portal under **Bot**, and set `intents.message_content = True`.",
    )


def _no_guilds() -> Said:
    return Said(
        "The guilds intent is off",
        "Without it, names of servers, permissions and who joined or left are unknown. Set `intents.guilds = True`.",
    )


def _not_synced(where: str, missing: Sequence[str], stale: Sequence[str], changed: Sequence[str]) -> Said:
    n = len(missing) + len(stale) + len(changed)
    parts: list[str] = []
    if missing:
        parts.append(f"Nobody can use {_names(missing)} yet.")
    if changed:
        parts.append(f"Discord shows an older form of {_names(changed)}.")
    if stale:
        parts.append(f"Discord still shows {_names(stale)}, which the code does not have; using it fails.")
    parts.append("Run `await bot.tree.sync()` once, or press **Sync now**, which says first what it would change.")
    are = text.plural(n, "command differs", "commands differ")
    return Said(f"{text.count(n)} {are} between Discord and the code{where}", " ".join(parts))


def _local(names: Sequence[str]) -> Said:
    n = len(names)
    return Said(
        f"{text.count(n)} {text.plural(n, 'command is', 'commands are')} known in single servers only",
        f"Everybody else can't use {_names(names)}. When it is ready for all: `await bot.tree.sync()`.",
    )


def _synced(commands: int) -> Said:
    return Said(
        f"{text.count(commands)} {text.plural(commands, 'command', 'commands')} alike at Discord and in the code"
    )


def _sync_unknown(error: str) -> Said:
    return Said("Can't ask Discord which commands it knows", f"{_sentence(error)} Check again in a minute.")


def _absent(names: Sequence[str]) -> Said:
    return Said(
        f"Discord does not know {_names(names)}",
        "Start the bot with the extension and sync its commands once: `await bot.tree.sync()`.",
    )


def _alerts_off() -> Said:
    return Said("Alerts are off", "`[alerts] enabled` is false. Remove it to get alerts by DM.")


def _unreachable(reasons: Sequence[str]) -> Said:
    return Said(
        "One way to reach you is closed",
        f"{' '.join(map(_sentence, reasons))} Allow messages from members of a server that you share with the bot, or "
        "set `[alerts] channel_id`. Then press **Send me a test alert**.",
    )


def _no_way() -> Said:
    return Said(
        "There is no way to reach you",
        "`[alerts] dm` is false, and neither `channel_id`, `webhook` nor `notify` is set.",
    )


def _cannot_post(channel: str, purpose: str, lacks: Sequence[str]) -> Said:
    return Said(
        f"The bot can't post {purpose} in {text.plain(channel, 60)}",
        f"It needs {text.listed([f'**{name}**' for name in lacks], _MOST_NAMES)} there.",
    )


def _no_channel(channel_id: int, purpose: str) -> Said:
    return Said(f"The channel for {purpose} is gone", f"The bot can't see channel {channel_id}. Choose another one.")


def _clock_off(off_s: float) -> Said:
    direction = "ahead of" if off_s > 0 else "behind"
    return Said(
        f"This machine's clock is {text.duration(abs(off_s))} {direction} Discord's",
        "Times in reports and delays will be wrong by that. Let the machine set its clock by NTP.",
    )


# -- the monitor -------------------------------------------------------------------------------------------------------


def _store_away(error: str) -> Said:
    return Said("The database does not answer", _sentence(error))


def _store_nearly_full(size_bytes: int, cap_bytes: int) -> Said:
    return Said(
        f"{text.bytes_(size_bytes)} stored, of {text.bytes_(cap_bytes)} at the most",
        "The oldest single rows go next; reports keep their numbers. `[retention] disk_cap_mb` allows more.",
    )


def _store_fine(size_bytes: int, cap_bytes: int | None) -> Said:
    cap = "" if cap_bytes is None else f", cap {text.bytes_(cap_bytes)}"
    return Said(f"database writable · {text.bytes_(size_bytes)} stored{cap}")


def _in_memory() -> Said:
    return Said("Nothing outlives a restart", "`[storage] url` is `:memory:`. Name a file, such as `data/botmon.db`.")


def _waiting(rows: int) -> Said:
    return Said(
        f"{text.count(rows)} {text.plural(rows, 'row waits', 'rows wait')} for the database",
        "They are on disk, and are written once it takes them; `/health` says what it lacks.",
    )


def _dropped(rows: int) -> Said:
    return Said(
        f"{text.count(rows)} {text.plural(rows, 'row was', 'rows were')} lost since the start",
        "The database was away for so long that the spool was full. `[storage] spool_max_mb` allows more.",
    )


def _failed(n: int, last: str) -> Said:
    return Said(
        f"The monitor itself failed {text.count(n)} {text.plural(n, 'time', 'times')}",
        f"Last: {_sentence(text.plain(last))} The bot's log has the traceback.",
    )


def _twins(instance: str, processes: int) -> Said:
    return Said(
        f"{text.count(processes)} processes call themselves {text.inline_code(instance)}",
        'Their health is mixed up. Give each a name of its own: `instance = "…"` at the top of the configuration. '
        "Right after a restart this passes by itself.",
    )


def _processes(processes: int) -> Said:
    return Said(f"{text.count(processes)} {text.plural(processes, 'process', 'processes')} on this store")


def _missing_feature(words: str) -> Said:
    return Said("Something that was asked for does not work", _sentence(words))


def _hint(words: str) -> Said:
    return Said("Worth knowing", _sentence(words))


def _old_discord(version: str, oldest: str) -> Said:
    return Said(f"discord.py {version} is too old", f"Install {oldest} or newer: `pip install -U discord.py`.")


def _variable(name: str, like: str | None) -> Said:
    hint = f" Was `{like}` meant?" if like else ""
    return Said(f"Nothing reads the variable {text.inline_code(name)}", f"It is set in the environment.{hint}")


def _config_from(source: str | None) -> Said:
    return Said("configuration: the defaults" if source is None else f"configuration read from {source}")


def _last_seen(instance: str, ago_s: float) -> Said:
    return Said(f"{text.inline_code(instance)} was seen {text.duration(ago_s)} ago")


def _never_seen() -> Said:
    return Said("No bot has written to this store yet", 'Load the extension: `await bot.load_extension("botmon_cog")`.')


def _token_refused(error: str) -> Said:
    return Said("Can't ask Discord", _sentence(error))


def _logged_in(name: str) -> Said:
    return Said(f"the token is {text.plain(name, 60)}'s")


def _fine_content(commands: int) -> Said:
    used = f", and used by {text.count(commands)} prefix {text.plural(commands, 'command', 'commands')}"
    return Said(f"message content intent on{used if commands else ''}")


def _sentence(words: str) -> str:
    words = words.strip()
    return words[:1].upper() + words[1:] + ("" if words.endswith((".", "!", "?", "…")) else ".")


def _plain(title: str) -> Callable[[], Said]:
    return lambda: Said(title)


WORDS: Mapping[str, Callable[..., Said]] = {
    "intents.no_content": _no_content,
    "intents.no_guilds": _no_guilds,
    "intents.content": _fine_content,
    "commands.not_synced": _not_synced,
    "commands.local": _local,
    "commands.synced": _synced,
    "commands.unknown": _sync_unknown,
    "commands.absent": _absent,
    "alerts.off": _alerts_off,
    "alerts.unreachable": _unreachable,
    "alerts.no_way": _no_way,
    "alerts.fine": _plain("you can be reached"),
    "channel.cannot_post": _cannot_post,
    "channel.gone": _no_channel,
    "clock.off": _clock_off,
    "clock.fine": _plain("clock within 2 s of Discord's"),
    "store.away": _store_away,
    "store.nearly_full": _store_nearly_full,
    "store.fine": _store_fine,
    "store.in_memory": _in_memory,
    "store.waiting": _waiting,
    "store.dropped": _dropped,
    "store.last_seen": _last_seen,
    "store.never_seen": _never_seen,
    "monitor.failed": _failed,
    "monitor.twins": _twins,
    "monitor.processes": _processes,
    "monitor.missing": _missing_feature,
    "monitor.hint": _hint,
    "versions.old_discord": _old_discord,
    "config.variable": _variable,
    "config.source": _config_from,
    "discord.refused": _token_refused,
    "discord.logged_in": _logged_in,
}
