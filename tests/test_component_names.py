"""What components are called."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import discord

from botmon_cog.observer.component_names import OTHER, Names, name_of_custom_id, name_of_item, words_of_names
from tests.component_helpers import Panel, answer

Interaction = discord.Interaction


def test_custom_ids_are_named_by_what_does_not_vary() -> None:
    people = words_of_names(SimpleNamespace(name="anna.schmidt", global_name="Anna S.", nick="Ännchen 7"))
    assert people == {"anna", "schmidt", "s", "ännchen"}
    names = {
        "vote:1234:yes": "vote",
        "close_ticket-98765": "close_ticket",
        "page12:next": "page",
        "vote_a1b2c3": "vote",
        "голос:7": "голос",
        "profile_anna.schmidt": "profile",
        "Anna:profile": "?",
        "3f2b8c1e9d4a4e6f8b7a6c5d4e3f2a1b": "?",
        "9f8e7d6c-1111-2222-3333-444455556666": "?",
        "V1StGXR8_Z5jdHi6B-myT": "?",
        "123": "?",
        "": "?",
    }
    assert {custom_id: name_of_custom_id(custom_id, people) for custom_id in names} == names


async def test_items_are_named_by_their_callback_or_else_by_their_class() -> None:
    class Skip(discord.ui.Button[Any]):
        async def callback(self, interaction: Interaction) -> None:
            """Skips."""

    lambda_ = discord.ui.Button[Any](label="Go")
    lambda_.callback = lambda interaction: answer(interaction)  # noqa: PLW0108 (it is what is tested)
    named = discord.ui.Button[Any](label="Go")
    named.callback = answer
    items = [*Panel().children[:1], Skip(), lambda_, named]
    assert [name_of_item(Panel(), item) for item in items] == [
        "Panel.break_",
        "Panel.Skip",
        "Panel.Button",
        "Panel.answer",
    ]


def test_names_are_bounded() -> None:
    names = Names()
    made = [names.bounded(f"View{n}.skip") for n in range(600)]
    assert len(set(made)) == 501
    assert made[-1] == OTHER
    assert names.bounded("View1.skip") == "View1.skip"
