"""Texts of exceptions, what was typed before them, and what may be kept: the table behind test_redaction.py."""

from __future__ import annotations

from typing import NamedTuple

_DISCORD_TOKEN = "MTA5NzQ4NTA2MzY4MDI5NjAxNg" + ".GaBcDe." + "x" * 38
_JWT = "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0In0" + ".c2lnbmF0dXJl"


class Text(NamedTuple):
    text: str
    typed: tuple[object, ...]
    kept: str


TYPED = [
    Text('Member "Anna Schmidt" not found.', ("Anna Schmidt",), 'Member "[hidden]" not found.'),
    Text("Member “Anna Schmidt” not found", ("anna schmidt",), "Member “[hidden]” not found"),
    Text("Mitglied „Anna Schmidt“ fehlt", ("ANNA SCHMIDT",), "Mitglied „[hidden]“ fehlt"),
    Text("Membre « Anna Schmidt » inconnu", ("Anna Schmidt",), "Membre « [hidden] » inconnu"),
    Text("「李明」が見つかりません", ("李明",), "「[hidden]」が見つかりません"),
    Text("找不到李明的资料", ("李明",), "找不到[hidden]的资料"),
    Text("민수를 찾을 수 없습니다", ("민수",), "[hidden]를 찾을 수 없습니다"),
    Text("user Ян is unknown", ("ян",), "user [hidden] is unknown"),
    Text("no ＡＮＮＡ here", ("anna",), "no [hidden] here"),  # noqa: RUF001 (wide letters)
    Text("no anna here", ("ＡＮＮＡ",), "no [hidden] here"),  # noqa: RUF001 (likewise)
    Text("ｱﾝﾅ is unknown", ("アンナ",), "[hidden] is unknown"),
    Text("José is unknown", ("jose\u0301",), "[hidden] is unknown"),
    Text("jose is unknown", ("José",), "[hidden] is unknown"),
    Text("STRASSE is unknown", ("straße",), "[hidden] is unknown"),
    Text("Anna\n  Schmidt is unknown", ("Anna Schmidt",), "[hidden] is unknown"),
    Text("Anna Schmidt is unknown", ("  Anna\u00a0 Schmidt ",), "[hidden] is unknown"),
    Text("@\u200beveryone is no name", ("@everyone",), "[hidden] is no name"),
    Text("KeyError: 'secretcoin'", ("SecretCoin",), "KeyError: '[hidden]'"),
    Text("'x' is not a choice", ("x",), "'[hidden]' is not a choice"),
    Text("x is not a choice", ("x",), "[hidden] is not a choice"),
    Text("can't exit the box", ("x", "t"), "can't exit the box"),
    Text("5 of 50 are left", (5,), "[hidden] of 50 are left"),
    Text("account 1234 of 12345", ("1234",), "account [hidden] of 12345"),
    Text("cat is in no category", ("cat",), "[hidden] is in no category"),
    Text("user_ann_x is taken", ("ann",), "user_[hidden]_x is taken"),
    Text("no user Schmidt", ("Anna Schmidt",), "no user [hidden]"),
    Text("no user schmidt", ("anna schmidt",), "no user [hidden]"),
    Text("could not find the song", ("please find my other song",), "could not find the song"),
    Text('could not find "song"', ("please find my other song",), 'could not find "[hidden]"'),
    Text("no Hallelujah by him", ("please play me Hallelujah now",), "no [hidden] by him"),
    Text("too long: a very long tale of…", ("A very long tale of two cities",), "too long: [hidden]…"),
    Text("no member 281000000000000001", ("<@!281000000000000001>",), "no member [hidden]"),
    Text(r'{"q": "\u00e9t\u00e9"} is refused', ("Été",), '{"q": "[hidden]"} is refused'),
    Text(r"'a\nb' is refused", ("a\nb",), "'[hidden]' is refused"),
    Text(r"anna\_schmidt is unknown", ("anna_schmidt",), "[hidden] is unknown"),
    Text("404: /users/anna%20schmidt", ("anna schmidt",), "404: /users/[hidden]"),
    Text("🍕 is not on the menu", ("🍕",), "[hidden] is not on the menu"),
    Text("True is no number", (True, None, ""), "True is no number"),
    Text("no such pair: anna, berta", (["Anna", {"b": "Berta"}],), "no such pair: [hidden], [hidden]"),
]

SECRETS = [
    Text(
        "no answer from postgres://bot:hunter2@db.example:5432/x",
        (),
        "no answer from postgres://[hidden]@db.example:5432/x",
    ),
    Text("redis://:p@ss/w0rd@10.0.0.7/0 is away", (), "redis://[hidden]@10.0.0.7/0 is away"),
    Text("no route to http://[2001:db8::1]:8080/up", (), "no route to http://[2001:db8::1]:8080/up"),
    Text("GET https://api.example.org/v1/x?key=abc#top: 403", (), "GET https://api.example.org/v1/x?[hidden] 403"),
    Text(f"improper token {_DISCORD_TOKEN}", (), "improper token [hidden]"),
    Text(
        "https://discord.com/api/webhooks/123/aB-c_d: 404",
        (),
        "https://discord.com/api/webhooks/123/[hidden]: 404",
    ),
    Text("POST /interactions/123/abcdef/callback", (), "POST /interactions/123/[hidden]/callback"),
    Text("https://api.telegram.org/bot123:AAE-x/send", (), "https://api.telegram.org/[hidden]/send"),
    Text("Incorrect API key provided: sk-proj-abc123def456", (), "Incorrect API key provided: [hidden]"),
    Text("bad credentials ghp_abcdefghij0123456789", (), "bad credentials [hidden]"),
    Text("github_pat_11ABCDEFG0abcdefghij is expired", (), "[hidden] is expired"),
    Text("glpat-abcdefghij0123456789 is expired", (), "[hidden] is expired"),
    Text("xoxb-" + "1234567890-abcdef is revoked", (), "[hidden] is revoked"),
    Text("AKIA" + "ABCDEFGHIJKLMNOP may not list", (), "[hidden] may not list"),
    Text("AIza" + "SyA-abcdefghijklmnopqrstuvwxyz01234 is over its limit", (), "[hidden] is over its limit"),
    Text(f"{_JWT} has expired", (), "[hidden] has expired"),
    Text("401 for Authorization: Bearer abc.def-123", (), "401 for Authorization: Bearer [hidden]"),
    Text("sent Bearer abcdef123456 in vain", (), "sent Bearer [hidden] in vain"),
    Text("Bearer token missing, author: anna", (), "Bearer token missing, author: anna"),
    Text("{'password': 'hunter 2', 'user': 'x'}", (), "{'password': '[hidden]', 'user': 'x'}"),
    Text("DB_PASSWORD=hunter2 max_tokens: 4096", (), "DB_PASSWORD=[hidden] max_tokens: 4096"),
    Text('apiKey = "abc def", secret: s3', (), 'apiKey = "[hidden]", secret: [hidden]'),
    Text("Cookie: sid=1; theme=2", (), "Cookie: [hidden]"),
    Text("550 no mailbox anna.s+x@mail.example.org", (), "550 no mailbox [hidden]"),
    Text("No such file: '/home/anna/bot/songs.db'", (), "No such file: '~/bot/songs.db'"),
    Text("/Users/anna/bot is read-only", (), "~/bot is read-only"),
    Text(r"C:\Users\Anna Schmidt\bot\x.db is locked", (), r"~\bot\x.db is locked"),
    Text(r"'C:\\Users\\anna\\bot'", (), r"'~\\bot'"),
    Text("API key wrong", (), "API key wrong"),
    Text(
        "400 Bad Request (error code: 50035): Invalid Form Body",
        (),
        "400 Bad Request (error code: 50035): Invalid Form Body",
    ),
]

LINES = [
    ('TOKEN = "abc"', 'TOKEN = "[hidden]"'),
    ('TOKEN: str = "abc"', 'TOKEN: str = "[hidden]"'),
    ("config['password'] = f'x'", "config['password'] = f'[hidden]'"),
    (
        'headers = {"Authorization": "Bearer x", "Accept": "json"}',
        'headers = {"Authorization": "[hidden]", "Accept": "json"}',
    ),
    ('if password != "hunter2":', 'if password != "[hidden]":'),
    ('db = connect("postgres://me:pw@db/x")', 'db = connect("postgres://[hidden]@db/x")'),
    ('login("aB3aB3aB3aB3aB3aB3aB3aB3")', 'login("[hidden]")'),
    ('password = "cut in the mid', 'password = "[hidden]'),
    ("token = load(token=token)", "token = load(token=token)"),
    ('key = os.environ["API_KEY"]', 'key = os.environ["API_KEY"]'),
    ('author = find(name="x")', 'author = find(name="x")'),
    ('open("/home/anna/x.txt")', 'open("~/x.txt")'),
]
