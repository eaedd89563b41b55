"""A prefix command while it is open."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, ClassVar, Self

from discord.ext import commands
from msgspec.structs import replace

from botmon_cog.clock import Timer
from botmon_cog.config import PrivacyConfig
from botmon_cog.domain.models import Invocation, Kind
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.privacy import parameters_json
from botmon_cog.domain.taken import LONGEST_NAME
from botmon_cog.observer.delays import delay_of
from botmon_cog.observer.known_commands import is_own
from botmon_cog.observer.opened import AnyContext, OpenInvocation, annotated
from botmon_cog.observer.rows import moment_of, shard_of
from botmon_cog.store.queue.open_file import NOWHERE


class OpenMessage(OpenInvocation, kw_only=True):
    """A prefix command, or a hybrid one that is called by a message.

    Attributes:
        root: the command that it began with.
        outer: what runs, in the same context, while it does.
        outcome: how it stands.
        error: what it stands so for.
        is_by_event: an event told of it, and so its events tell how it ends.
        has_failed: its context had failed before the host ran it again, and discord.py's own flag still says so.
        is_rerun: that run has ended: what is heard only now of the failure before it is history.
        handlers: how many of the host's error handlers may still run it again.
        patience: runs out when they are not waited for any longer.
    """

    LIFETIME_S: ClassVar[float] = 24 * 3600.0
    """No prefix command runs for longer."""

    context: AnyContext
    root: Any
    kind: Kind
    privacy: PrivacyConfig
    shard_count: int | None
    outcome: Outcome = Outcome.OK
    error: BaseException | None = None
    outer: OpenMessage | None = None
    is_by_event: bool = False
    has_failed: bool = False
    is_rerun: bool = False
    handlers: int = 0
    patience: Timer | None = None

    @classmethod
    def of(
        cls,
        context: AnyContext,
        started_at: datetime,
        received_s: float,
        privacy: PrivacyConfig,
        shard_count: int | None,
    ) -> Self:
        is_hybrid = isinstance(context.command, commands.HybridCommand | commands.HybridGroup)
        return cls(
            started_at.timestamp(),
            received_s,
            False,
            NOWHERE,
            context=context,
            root=root_of(context.command),
            kind=Kind.HYBRID_PREFIX if is_hybrid else Kind.PREFIX,
            privacy=privacy,
            shard_count=shard_count,
        )

    @property
    def called(self) -> Any:
        """The command, or what of its group was found by now; not another one that a host has put in its place."""
        command = self.context.command
        return command if root_of(command) is self.root else self.root

    @property
    def command(self) -> str:
        """Its name as far as it is known by now: a group becomes its sub-command."""
        return qualified_name(self.called)

    @property
    def subject(self) -> tuple[int, int | None, Any]:
        guild = self.context.guild
        return self.context.author.id, None if guild is None else guild.id, self.called

    def typed(self) -> Iterable[object]:
        return [*_arguments(self.context).values(), *self.context.message.content.split()[1:]]

    def invocation(self, outcome: Outcome, ended_s: float | None) -> Invocation:
        context, message = self.context, self.context.message
        guild, author, typed = context.guild, context.author, _arguments(context)
        invocation = Invocation(
            kind=self.kind,
            command=self.command[:LONGEST_NAME],
            outcome=outcome,
            started_at=moment_of(self.started_s),
            duration_s=None if ended_s is None else ended_s - self.received_s,
            gateway_delay_s=max(delay_of(message.id, self.started_s), 0.0),
            guild_id=None if guild is None else guild.id,
            guild_name=None if guild is None else guild.name,
            channel_id=context.channel.id,
            user_id=author.id,
            username=author.name,
            shard_id=shard_of(None if guild is None else guild.id, self.shard_count),
            discord_id=message.id,
            parameters=parameters_json(typed, self.privacy) if typed else None,
        )
        if self.told is not None:
            invocation = annotated(invocation, self.told, self.typed())
        return replace(invocation, is_own=True) if is_own(self.called) else invocation


def root_of(command: Any) -> Any:
    """The group that it is below, or itself; None for None."""
    return None if command is None else command.root_parent or command


def qualified_name(command: Any) -> str:
    """As a slash command shows it: a hybrid group by itself is its fallback. Empty for None."""
    if command is None:
        return ""
    is_group = isinstance(command, commands.HybridGroup)
    fallback: str | None = command.fallback if is_group else None
    return f"{command.qualified_name} {fallback}" if fallback else command.qualified_name


def _arguments(context: AnyContext) -> dict[str, Any]:
    """Parameter names and converted values, as far as they were parsed."""
    if context.command is None:
        return {}
    positional = [a for a in context.args if a is not context and a is not context.command.cog]
    return dict(zip(context.command.clean_params, positional, strict=False)) | context.kwargs
