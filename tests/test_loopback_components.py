"""Buttons, select menus and modals, end to end."""

from __future__ import annotations

import discord
import pytest
from discord.ext import commands

from botmon_cog.testing import LoopbackDiscord, SeenMessage


class Form(discord.ui.Modal, title="Form"):
    name = discord.ui.TextInput(label="Your name", custom_id="name", min_length=2)
    about = discord.ui.TextInput(label="About", custom_id="about", required=False, default="nothing")

    async def on_submit(self, interaction: discord.Interaction):
        await interaction.response.send_message(f"{self.name.value}: {self.about.value}", ephemeral=True)


class Panel(discord.ui.View):
    @discord.ui.button(label="Count", custom_id="count")
    async def count(self, interaction: discord.Interaction, button: discord.ui.Button):
        button.label = "Counted"
        await interaction.response.edit_message(content="counted", view=self)

    @discord.ui.button(label="Off", disabled=True)
    async def off(self, interaction: discord.Interaction, _: discord.ui.Button):
        await interaction.response.send_message("impossible")

    @discord.ui.button(label="Form", custom_id="form")
    async def form(self, interaction: discord.Interaction, _: discord.ui.Button):
        await interaction.response.send_modal(Form())

    @discord.ui.button(label="Later")
    async def later(self, interaction: discord.Interaction, _: discord.ui.Button):
        await interaction.response.defer()
        await interaction.edit_original_response(content="later")

    @discord.ui.select(custom_id="pick", max_values=2, options=[discord.SelectOption(label=x) for x in "abc"])
    async def pick(self, interaction: discord.Interaction, select: discord.ui.Select):
        await interaction.response.send_message("+".join(select.values))

    @discord.ui.select(cls=discord.ui.UserSelect, custom_id="who")
    async def who(self, interaction: discord.Interaction, select: discord.ui.UserSelect):
        await interaction.response.send_message(type(select.values[0]).__name__ + " " + select.values[0].display_name)

    @discord.ui.select(cls=discord.ui.ChannelSelect, custom_id="where")
    async def where(self, interaction: discord.Interaction, select: discord.ui.ChannelSelect):
        await interaction.response.send_message(select.values[0].name)


@pytest.fixture
async def discord_():
    bot = commands.Bot("!", intents=discord.Intents.all())

    @bot.command()
    async def panel(ctx: commands.Context):
        view = Panel()
        view.add_item(discord.ui.Button(label="Site", url="https://example.org"))
        await ctx.send("panel", view=view)

    @bot.tree.command(description="Opens a form")
    async def form(interaction: discord.Interaction):
        await interaction.response.send_modal(Form())

    @bot.tree.command(description="For one pair of eyes")
    async def secret(interaction: discord.Interaction):
        await interaction.response.send_message("secret", view=Panel(), ephemeral=True)

    @bot.tree.command(description="Components v2")
    async def layout(interaction: discord.Interaction):
        view = discord.ui.LayoutView()
        row = discord.ui.ActionRow()
        button = discord.ui.Button(label="Deep")

        async def pressed(i: discord.Interaction):
            await i.response.send_message("deep")

        button.callback = pressed
        row.add_item(button)
        view.add_item(discord.ui.Container(discord.ui.TextDisplay("text"), row))
        await interaction.response.send_message(view=view)

    async with LoopbackDiscord() as loopback, loopback.running(bot):
        await bot.tree.sync()
        yield loopback
        assert loopback.check_requests() == []


async def open_panel(loopback: LoopbackDiscord) -> SeenMessage:
    await loopback.user.send(loopback.channel, "!panel")
    return await loopback.channel.next_message()


async def test_click_by_custom_id_or_label_edits_the_message(discord_: LoopbackDiscord):
    message = await open_panel(discord_)
    answer = await discord_.user.click(message, "Count")
    assert answer.message is message
    assert (message.content, message.edited) == ("counted", True)
    assert message.components[0]["components"][0]["label"] == "Counted"
    assert (await discord_.admin.click(message, "count")).message.content == "counted"


async def test_what_cannot_be_pressed_is_refused(discord_: LoopbackDiscord):
    message = await open_panel(discord_)
    with pytest.raises(LookupError, match="has no button 'Nope'; it has"):
        await discord_.user.click(message, "Nope")
    with pytest.raises(LookupError, match="'Off' is disabled"):
        await discord_.user.click(message, "Off")
    with pytest.raises(LookupError, match="is a link"):
        await discord_.user.click(message, "Site")
    secret = (await discord_.user.slash(discord_.channel, "secret")).message
    with pytest.raises(LookupError, match="it is ephemeral"):
        await discord_.admin.click(secret, "Count")
    assert (await discord_.user.click(secret, "Count")).message is secret
    await discord_.user.click(secret, "Later")
    assert secret.content == "later"


async def test_deferred_update_then_edit(discord_: LoopbackDiscord):
    message = await open_panel(discord_)
    answer = await discord_.user.click(message, "Later")
    assert answer.deferred
    assert answer.message is message
    assert message.content == "later"


async def test_select_menus(discord_: LoopbackDiscord):
    message = await open_panel(discord_)
    assert (await discord_.user.select(message, "pick", "a", "c")).message.content == "a+c"
    assert (await discord_.user.select(message, "who", discord_.admin)).message.content == "Member Admin"
    assert (await discord_.user.select(message, "where", discord_.voice_channel)).message.content == "Lounge"
    with pytest.raises(LookupError, match="does not offer 'z'"):
        await discord_.user.select(message, "pick", "z")
    with pytest.raises(ValueError, match="takes 1 to 2 values, not 3"):
        await discord_.user.select(message, "pick", "a", "b", "c")
    with pytest.raises(LookupError, match="has no select menu 'other'"):
        await discord_.user.select(message, "other", "a")


@pytest.mark.parametrize("way", ["slash", "button"])
async def test_modal_from_a_command_and_from_a_button(discord_: LoopbackDiscord, way: str):
    if way == "slash":
        opened = await discord_.user.slash(discord_.channel, "form")
    else:
        opened = await discord_.user.click(await open_panel(discord_), "form")
    assert opened.modal is not None
    assert opened.modal["title"] == "Form"
    with pytest.raises(AssertionError, match="opened the modal 'Form'"):
        opened.message  # noqa: B018
    answer = await discord_.user.submit(opened, name="Ada")
    assert answer.message.content == "Ada: nothing"
    assert answer.message.ephemeral


async def test_modal_inputs_are_checked_as_the_client_does(discord_: LoopbackDiscord):
    opened = await discord_.user.slash(discord_.channel, "form")
    with pytest.raises(LookupError, match="has no input 'nam'; the nearest is 'name'"):
        await discord_.user.submit(opened, name="Ada", nam="x")
    with pytest.raises(ValueError, match="'name' must be filled in"):
        await discord_.user.submit(opened)
    with pytest.raises(ValueError, match="2 to 4000 characters, not 1"):
        await discord_.user.submit(opened, name="A")
    with pytest.raises(LookupError, match="has no open modal"):
        await discord_.admin.submit(opened, name="Ada")
    answer = await discord_.user.submit(opened, **{"Your name": "Ada", "about": "maths"})
    assert answer.message.content == "Ada: maths"


@pytest.mark.skipif(not hasattr(discord.ui, "LayoutView"), reason="discord.py before 2.6 has no components v2")
async def test_components_v2(discord_: LoopbackDiscord):
    message = (await discord_.user.slash(discord_.channel, "layout")).message
    assert message.is_v2
    assert message.content == ""
    assert (await discord_.user.click(message, "Deep")).message.content == "deep"
