"""What a configuration file may hold, and what it says when it holds something else."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import msgspec
import pytest

from botmon_cog.config import (
    DEFAULT_FILE,
    ENV_FILE,
    ENV_STORAGE_URL,
    AlertsConfig,
    Config,
    HealthConfig,
    HostConfig,
    LogConfig,
    StorageConfig,
    load_config,
    read_config,
)
from botmon_cog.database_url import is_postgres, sqlite_path
from botmon_cog.errors import ConfigError


@pytest.fixture
def write(tmp_path):
    def write(text: str) -> Path:
        path = tmp_path / DEFAULT_FILE
        path.write_text(text, encoding="utf-8")
        return path

    return write


def refusal(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        read_config(path)
    return str(caught.value)


def test_no_file_and_no_variables_give_the_defaults(tmp_path):
    assert load_config({}, tmp_path) == Config()


def test_botmon_toml_in_the_directory_is_read(write, tmp_path):
    write("[storage]\nlinger_ms = 5\n")
    assert load_config({}, tmp_path).storage == StorageConfig(linger_ms=5)


def test_the_working_directory_is_the_default_one(write, tmp_path, monkeypatch):
    write('instance = "here"')
    monkeypatch.chdir(tmp_path)
    assert load_config({}).instance == "here"


def test_a_named_file_goes_before_botmon_toml(write, tmp_path):
    write('instance = "default"')
    named = tmp_path / "other.toml"
    named.write_text('instance = "named"')
    assert load_config({ENV_FILE: str(named)}, tmp_path).instance == "named"


def test_a_named_file_that_is_missing_is_an_error_that_names_it(tmp_path):
    missing = tmp_path / "missing.toml"
    with pytest.raises(ConfigError, match=re.escape(f"{missing}: can't be read: No such file")):
        load_config({ENV_FILE: str(missing)}, tmp_path)


def test_a_directory_called_botmon_toml_is_an_error_and_not_ignored(tmp_path):
    (tmp_path / DEFAULT_FILE).mkdir()
    with pytest.raises(ConfigError, match="can't be read"):
        load_config({}, tmp_path)


def test_empty_variables_count_as_not_set(write, tmp_path):
    write('instance = "file"')
    config = load_config({ENV_FILE: "", ENV_STORAGE_URL: ""}, tmp_path)
    assert config == Config(instance="file")


def test_the_url_variable_overrides_the_file_and_leaves_the_rest(write, tmp_path):
    write('[storage]\nurl = "file.db"\nlinger_ms = 7')
    config = load_config({ENV_STORAGE_URL: "sqlite:///env.db"}, tmp_path)
    assert config.storage == StorageConfig(url="sqlite:///env.db", linger_ms=7)


def test_a_byte_order_mark_is_skipped(tmp_path):
    path = tmp_path / DEFAULT_FILE
    path.write_bytes(b'\xef\xbb\xbfinstance = "windows"\r\n')
    assert read_config(path).instance == "windows"


@pytest.mark.parametrize("content", [b"instance = ", b"\xff\xfe", b"a = 1\na = 2"])
def test_what_is_not_toml_is_an_error_that_names_the_file(tmp_path, content):
    path = tmp_path / DEFAULT_FILE
    path.write_bytes(content)
    assert refusal(path).startswith(f"{path}: is not valid TOML: ")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "[storage]\nlinger_ms = -1",
            "storage.linger_ms: -1 can't be used. Allowed: a whole number from 0 up to 10000",
        ),
        ("[storage]\nlinger_ms = true", "storage.linger_ms: True can't be used. Allowed: a whole number from 0 up to"),
        ("[storage]\nbatch_max = 1.5", "storage.batch_max: 1.5 can't be used. Allowed: a whole number from 1 up to"),
        (
            "[storage]\nbatch_max = 0",
            "storage.batch_max: 0 can't be used. Allowed: a whole number from 1 up to 10000000",
        ),
        ("[storage]\nurl = 5", "storage.url: 5 can't be used. Allowed: a text"),
        (
            "[storage]\nbusy_timeout_s = inf",
            "storage.busy_timeout_s: inf can't be used. Allowed: a number above 0 up to",
        ),
        (
            "[storage]\nbusy_timeout_s = nan",
            "storage.busy_timeout_s: nan can't be used. Allowed: a number above 0 up to",
        ),
        ("[thresholds]\ncommand_s = false", "thresholds.command_s: False can't be used. Allowed: a number above 0"),
        (
            "[health]\nfailed_share = [0.1, 1.1]",
            "health.failed_share: [0.1, 1.1] can't be used. Allowed: [warning, critical], each a number above 0",
        ),
        ("[alerts]\nenabled = 1", "alerts.enabled: 1 can't be used. Allowed: true or false"),
        ("[alerts]\nchannel_id = '5'", "alerts.channel_id: '5' can't be used. Allowed: a whole number from 0"),
        ("[privacy]\nscrub_keys = 'pin'", "privacy.scrub_keys: 'pin' can't be used. Allowed: a list of texts"),
        ("[privacy]\nscrub_keys = [1]", "privacy.scrub_keys: [1] can't be used. Allowed: a list of texts"),
        (
            "[privacy]\nlog_parameters = 'some'",
            "privacy.log_parameters: 'some' can't be used. Allowed: 'none', 'names', 'all'",
        ),
        ("[commands]\nhealth = 'Health'", "commands.health: 'Health' can't be used. Allowed: up to 32 of a-z"),
        ('[commands]\nhealth = "health\\n"', "commands.health: 'health\\n' can't be used. Allowed: up to 32 of a-z"),
        ("storage = 5", "storage: 5 can't be used. Allowed: a table, [storage] above its keys"),
        ("instance = ''", "instance: '' can't be used. Allowed: a text of 1 to 64 characters"),
    ],
)
def test_a_wrong_value_is_named_with_its_file_its_key_and_what_is_allowed(write, text, problem):
    path = write(text)
    assert refusal(path).startswith(f"{path}: {problem}")


@pytest.mark.parametrize(
    ("text", "key", "meant"),
    [
        ("[storage]\nlinger = 5", "storage.linger", "linger_ms"),
        ("[storge]\nlinger_ms = 5", "storge", "storage"),
        ("instnce = 'x'", "instnce", "instance"),
        ("[health]\nmemory_warn_percent = 5", "health.memory_warn_percent", "memory_percent"),
    ],
)
def test_a_misspelt_key_or_table_suggests_the_nearest(write, text, key, meant):
    message = refusal(write(text))
    assert f"{key}: there is no such key. Did you mean {meant!r}? Allowed here: " in message


def test_a_key_that_resembles_none_lists_what_there_is(write):
    message = refusal(write("[alerts]\nzzzzzz = 5"))
    assert "alerts.zzzzzz: there is no such key. Allowed here: enabled, hello, level" in message


@pytest.mark.parametrize("pair", ["[92.0, 80.0]", "[80.0, 80.0]"])
def test_a_warning_at_or_above_its_critical_limit_is_refused(write, pair):
    message = refusal(write(f"[health]\nmemory_percent = {pair}"))
    warning, critical = pair.strip("[]").split(", ")
    assert f"health.memory_percent: {warning} must be below the critical limit, {critical}" in message


@pytest.mark.parametrize("value", ["80.0", "[80.0]", "[70.0, 80.0, 90.0]", "['a', 'b']"])
def test_a_pair_is_two_numbers(write, value):
    message = refusal(write(f"[health]\nmemory_percent = {value}"))
    assert "can't be used. Allowed: [warning, critical], each a number above 0 up to 100" in message


def test_health_and_alerts_have_no_more_than_thirty_keys():
    assert len(HealthConfig.__struct_fields__) + len(AlertsConfig.__struct_fields__) <= 30


def test_a_component_that_does_not_exist_can_t_be_watched(write):
    assert "health.watch: ['ram'] can't be used. Allowed: a list of 'database', " in refusal(
        write("[health]\nwatch = ['ram']")
    )
    assert read_config(write("[health]\nwatch = ['loop', 'database']")).health.watch == ("loop", "database")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[http]\nlisten = '8081'", "http.listen"),
        ("[http]\nlisten = '127.0.0.1:99999'", "http.listen"),
        ("[http]\nlisten = ':8081'", "http.listen"),
        ("[heartbeat]\nurl = 'hc-ping.com/hunter2'", "heartbeat.url"),
        ("[heartbeat]\nurl = 'ftp://hc-ping.com/hunter2'", "heartbeat.url"),
        ("[alerts]\nwebhook = 'https://'", "alerts.webhook"),
        ("[alerts]\nnotify = ['ntfy://topic', 'hunter2']", "alerts.notify"),
    ],
)
def test_an_address_that_leads_nowhere_is_refused_without_repeating_a_secret(write, text, key):
    message = refusal(write(text))
    assert f"{key}: " in message
    assert "Allowed: " in message
    assert "hunter2" not in message


@pytest.mark.parametrize("address", ["127.0.0.1:8081", "localhost:0", "[::1]:8081", "0.0.0.0:80"])
def test_an_address_to_listen_on_is_taken(write, address):
    assert read_config(write(f"[http]\nlisten = '{address}'")).http.listen == address


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[[alerts.rule]]\nover = 1", "alerts.rule[1].metric: is missing"),
        (
            "[[alerts.rule]]\nmetric = 'threads'\nover = 1\nfro = 2",
            "alerts.rule[1].fro: there is no such key. Did you mean 'for'?",
        ),
        (
            "[[alerts.rule]]\nmetric = 'threads'\nover = 1\n[[alerts.rule]]\nmetric = ''",
            "alerts.rule[2].metric: '' can't be used. Allowed: a text of 1 to 100 characters",
        ),
        ("[alerts]\nrule = 5", "alerts.rule: 5 can't be used. Allowed: [[alerts.rule]] above each one's keys"),
    ],
)
def test_a_wrong_key_of_a_rule_is_named_with_the_rule_s_number(write, text, problem):
    assert problem in refusal(write(text))


def test_two_commands_of_one_name_are_refused(write):
    message = refusal(write("[commands]\nperf = 'health'"))
    assert "commands.perf: 'health' is the name of commands.health too. Allowed: " in message


def test_several_commands_may_be_left_out(write):
    assert read_config(write("[commands]\nhealth = ''\nperf = ''")).commands.perf == ""


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("data/botmon.db", "data/botmon.db"),
        ("/var/lib/bot.db", "/var/lib/bot.db"),
        ("C:\\bots\\bot.db", "C:\\bots\\bot.db"),
        ("50%.db?", "50%.db?"),
        (":memory:", ":memory:"),
        ("sqlite://", ":memory:"),
        ("sqlite:///:memory:", ":memory:"),
        ("sqlite:///data/bot.db", "data/bot.db"),
        ("SQLite:////var/lib/bot.db", "/var/lib/bot.db"),
    ],
)
def test_a_url_of_sqlite_names_a_path(url, path):
    assert sqlite_path(url) == path


@pytest.mark.parametrize("url", ["postgresql://admin@db.example/bot", "POSTGRES://db.example", "postgresql:///bot"])
def test_a_postgresql_url_is_taken(write, url):
    path = write(f"[storage]\nurl = {msgspec.json.encode(url).decode()}")
    assert read_config(path).storage.url == url
    assert is_postgres(url)
    with pytest.raises(ConfigError, match="is not supported"):
        sqlite_path(url)


@pytest.mark.parametrize(
    "url",
    [
        "mysql+pymysql://admin:hunter2@db.example/bot",
        "postgresql:admin:hunter2@db.example/bot",
        "sqlite://admin:hunter2@db.example/bot.db",
        "sqlite:hunter2.db",
        "sqlite:///",
        "sqlite:///bot.db?password=hunter2",
        "file:hunter2.db?mode=ro",
        "",
        "  ",
        "hunter2\0.db",
    ],
)
def test_any_other_url_is_refused_without_repeating_what_may_be_a_password(write, tmp_path, url):
    with pytest.raises(ConfigError, match="Allowed: a path") as caught:
        sqlite_path(url)
    messages = [str(caught.value)]
    path = write(f"[storage]\nurl = {msgspec.json.encode(url).decode()}")
    messages.append(refusal(path))
    assert messages[-1].startswith(f"{path}: storage.url: ")
    if url:
        path.unlink()
        with pytest.raises(ConfigError) as caught:
            load_config({ENV_STORAGE_URL: url}, tmp_path)
        assert caught.value.source == ENV_STORAGE_URL
        messages.append(str(caught.value))
        assert messages[-1].startswith(f"{ENV_STORAGE_URL}: ")
    assert not any("hunter2" in message or "admin" in message for message in messages)


@pytest.mark.parametrize("name", ["data/bot.db", "sqlite:///data/bot.db", "~/bot.db", "$HOME/bot.db"])
def test_host_database_is_a_path(write, name):
    assert read_config(write(f'[host]\ndatabase = "{name}"')).host == HostConfig(database=name)


@pytest.mark.parametrize(
    "name", ["postgresql://admin:hunter2@db.example/bot", ":memory:", "sqlite://", "mysql://admin:hunter2@db/bot", "  "]
)
def test_host_database_that_is_not_a_file_is_refused_without_repeating_it(write, name):
    path = write(f'[host]\ndatabase = "{name}"')
    message = refusal(path)
    assert message.startswith(f"{path}: host.database: this is not a SQLite file. Allowed: the path of your bot's own")
    assert "hunter2" not in message


@pytest.mark.parametrize("url", ["data/bot.db", "sqlite:///data/bot.db", "./data/../data/bot.db"])
def test_store_and_host_database_are_two_files(write, tmp_path, url):
    path = write(f'[storage]\nurl = "{url}"\n[host]\ndatabase = "data/bot.db"')
    assert refusal(path).startswith(f"{path}: host.database: is the file in storage.url too. Allowed: ")
    write('[host]\ndatabase = "data/bot.db"')
    with pytest.raises(ConfigError, match=f"{ENV_STORAGE_URL}: host.database: is the file in storage.url too"):
        load_config({ENV_STORAGE_URL: url}, tmp_path)


def test_log_is_read(write):
    config = read_config(write('[log]\nfile = "logs/botmon.log"\nmax_mb = 1\nkeep = 2'))
    assert config.log == LogConfig(file="logs/botmon.log", max_mb=1, keep=2)


@pytest.mark.parametrize(
    ("text", "problem"),
    [("max_mb = 0", "from 1 up to 10000"), ("max_mb = 1.5", "from 1 up to 10000"), ("keep = 0", "from 1 up to 1000")],
)
def test_log_that_never_rotates_is_refused(write, text, problem):
    assert problem in refusal(write(f"[log]\n{text}"))


@pytest.mark.parametrize(
    "text", ["storage = 'postgresql://u:hunter2@db/bot'", "[storage]\nurl = ['postgresql://u:hunter2@db/bot']"]
)
def test_a_url_in_the_wrong_place_is_not_repeated_either(write, text):
    assert "hunter2" not in refusal(write(text))


def test_a_module_that_left_with_the_extension_still_reads(write, monkeypatch):
    monkeypatch.delitem(sys.modules, Config.__module__, raising=False)
    assert read_config(write("[storage]\nlinger_ms = 5")).storage.linger_ms == 5
