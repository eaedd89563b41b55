"""Prometheus and its tools, as Debian has them, and a Prometheus that scrapes a test's bot."""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from tests.programs import program

EXAMPLES = Path(__file__).parents[1] / "examples" / "monitoring"
_DEADLINE_S = 40.0


_PACKAGES = {"amtool": "prometheus-alertmanager", "prometheus-pushgateway": "prometheus-pushgateway"}


def tool(name: str) -> Path:
    """The path of a program. Where it is missing the test is skipped, in CI it fails."""
    return program(name, _PACKAGES.get(name, "prometheus"))


def run(name: str, *arguments: str | Path, given: bytes = b"", cwd: Path | None = None) -> tuple[int, str]:
    """(exit code, all that was printed)."""
    done = subprocess.run(
        [tool(name), *arguments],
        input=given,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=cwd,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout.decode()


class Prometheus:
    """Asks a running Prometheus."""

    def __init__(self, url: str, session: aiohttp.ClientSession, log: Path) -> None:
        self._url = url
        self._session = session
        self._log = log

    async def query(self, expr: str) -> list[dict[str, Any]]:
        """The result of an instant query."""
        async with self._session.get(f"{self._url}/api/v1/query", params={"query": expr}) as response:
            body = await response.json()
        assert body["status"] == "success", f"{expr}: {body}"
        return body["data"]["result"]

    async def number(self, expr: str) -> float:
        (series,) = await self.query(expr)
        return float(series["value"][1])

    async def wait_for(self, *exprs: str, every: Any = None) -> dict[str, list[dict[str, Any]]]:
        """The results once each query has a value that is a number. `every`: awaited between two looks."""
        missing, found = dict.fromkeys(exprs), {}
        try:
            async with asyncio.timeout(_DEADLINE_S):
                while missing:
                    for expr in tuple(missing):
                        result = await self.query(expr)
                        if any(series["value"][1] != "NaN" for series in result):
                            found[expr] = result
                            del missing[expr]
                    if missing:
                        await (every() if every is not None else asyncio.sleep(0.05))
        except TimeoutError:
            raise AssertionError(f"no data for {list(missing)}\n{self._log.read_text()[-2_000:]}") from None
        return found


@asynccontextmanager
async def prometheus(folder: Path, port: int, targets: Sequence[str], token: str) -> AsyncIterator[Prometheus]:
    """One that scrapes every second as examples/monitoring/prometheus.yml says, with its rules."""
    (folder / "token").write_text(token)
    config = (EXAMPLES / "prometheus.yml").read_text()
    for old, new in (
        (r"(scrape|evaluation)_interval: 15s", r"\1_interval: 1s"),
        (r"rules/botmon\.yml", str(EXAMPLES / "rules" / "botmon.yml")),
        (r"/run/secrets/botmon_token", str(folder / "token")),
        (r'\["bot:8081"\]', str([*targets])),
        (r"(?s)alerting:.*?\n\n", ""),
    ):
        config, n = re.subn(old, new, config)
        assert n, f"examples/monitoring/prometheus.yml has no {old}"
    (folder / "prometheus.yml").write_text(config)
    url, log = f"http://127.0.0.1:{port}", folder / "prometheus.log"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: ASYNC220 (starts at once)
            [
                tool("prometheus"),
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'tsdb'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=output,
            stderr=output,
        )
    try:
        async with aiohttp.ClientSession() as session:
            await _ready(session, url, log)
            yield Prometheus(url, session, log)
    finally:
        process.kill()
        process.wait()


async def _ready(session: aiohttp.ClientSession, url: str, log: Path) -> None:
    try:
        async with asyncio.timeout(_DEADLINE_S):
            while True:
                try:
                    async with session.get(f"{url}/-/ready") as response:
                        if response.status == 200:
                            return
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"Prometheus does not start\n{log.read_text()[-2_000:]}") from None
