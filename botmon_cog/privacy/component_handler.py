"""What stands under `/privacy`. Whoever presses acts for themselves alone: the message says nothing of who that is."""

from __future__ import annotations

import io
from collections.abc import Awaitable, Callable, Sequence

import discord

from botmon_cog.discord_ui.discord_errors import UNREACHED
from botmon_cog.discord_ui.refusal import refuse
from botmon_cog.discord_ui.responder import Answer, AnyInteraction, Responder
from botmon_cog.privacy import words
from botmon_cog.privacy.abouts import Abouts
from botmon_cog.privacy.forgetting import Forgetting
from botmon_cog.privacy.person import Person


class PrivacyHandler:
    """Answers the buttons, also of messages from before a restart."""

    def __init__(self, responder: Responder) -> None:
        self._responder = responder
        self._person = Person(responder.system.store.engine)
        self._abouts = Abouts(responder.system.store.engine, responder.system.clock)
        self._forgetting = Forgetting(responder.system)
        self._busy: set[int] = set()
        """Users for whom something is under way that reads or changes everything."""

    async def answer(self, interaction: AnyInteraction, pressed: Sequence[str]) -> bool:
        match list(pressed):
            case []:
                await self._put(interaction, self._about(interaction))
            case ["erase"]:
                await self._put(interaction, self._ask(interaction))
            case ["erase", "yes"]:
                await self._once(interaction, self._erase)
            case ["copy"]:
                await self._once(interaction, self._copy)
            case ["stop" | "resume" as verb]:
                await self._put(interaction, self._record(interaction, is_recorded=verb == "resume"))
            case _:
                return False
        return True

    async def _put(self, interaction: AnyInteraction, draw: Callable[[], Awaitable[Answer]]) -> None:
        """In the place of what stood there; beside it if others can see that."""
        message = interaction.message
        if not interaction.response.is_done():
            if message is not None and (message.flags.ephemeral or interaction.guild_id is None):
                await interaction.response.defer()
            else:
                await interaction.response.defer(ephemeral=True, thinking=True)
        answer = await self._responder.attempt(draw)
        await interaction.edit_original_response(embed=answer.embed, view=answer.view)

    async def _once(self, interaction: AnyInteraction, work: Callable[[AnyInteraction], Awaitable[None]]) -> None:
        user_id = interaction.user.id
        if user_id in self._busy:
            await refuse(interaction, words.BUSY)
            return
        self._busy.add(user_id)
        try:
            await work(interaction)
        finally:
            self._busy.discard(user_id)

    # -- views ---------------------------------------------------------------------------------------------------------

    def _about(self, interaction: AnyInteraction) -> Callable[[], Awaitable[Answer]]:
        async def draw() -> Answer:
            return words.about_answer(await self._abouts.of(interaction.user.id), self._responder.system.config)

        return draw

    def _ask(self, interaction: AnyInteraction) -> Callable[[], Awaitable[Answer]]:
        async def draw() -> Answer:
            return words.ask_answer(await self._abouts.of(interaction.user.id))

        return draw

    # -- acts ----------------------------------------------------------------------------------------------------------

    def _record(self, interaction: AnyInteraction, *, is_recorded: bool) -> Callable[[], Awaitable[Answer]]:
        async def draw() -> Answer:
            book = self._responder.system.unrecorded
            await (book.remove if is_recorded else book.add)(interaction.user.id)
            return await self._about(interaction)()

        return draw

    async def _erase(self, interaction: AnyInteraction) -> None:
        async def erasing() -> Answer:
            return words.erasing_answer()

        async def erase() -> Answer:
            changed = await self._forgetting.user(interaction.user.id)
            return words.erased_answer(changed, await self._abouts.of(interaction.user.id))

        await self._put(interaction, erasing)
        await self._put(interaction, erase)

    async def _copy(self, interaction: AnyInteraction) -> None:
        """In a server by direct message; else as the answer."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        system, user = self._responder.system, interaction.user
        await system.recorder.settle()
        copy = await self._person.copy(user.id, system.clock.now())
        file = discord.File(io.BytesIO(copy.data), filename=words.file_name(user.id, system.clock.now()))
        caption = words.copy_caption(copy.left_out)
        if interaction.guild_id is None:
            await interaction.edit_original_response(content=caption, attachments=[file])
            return
        try:
            await user.send(caption, file=file)
        except UNREACHED:
            await refuse(interaction, words.DM_CLOSED)
        else:
            await interaction.edit_original_response(content=words.COPY_SENT)
