"""Runs a coroutine function in an interpreter of its own, which a test can speak to, cut off from a disk, and kill.

The function stands at the top of a module that can be imported, takes a `Talk` first, and then what JSON can carry:

    async def work(talk: Talk, path: str) -> None:
        while (order := await talk.receive()) != "enough":
            talk.send(...)

    with Child(work, str(path)) as child:
        child.send("go")
        assert child.receive() == ...
        child.kill()

The child dies with the test, and with pytest: its standard input ends.
"""

from __future__ import annotations

import asyncio
import ctypes
import importlib
import json
import os
import pwd
import resource
import selectors
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Awaitable, Callable
from importlib import resources
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).parents[1]
PATIENCE = 60.0
CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
MS_REC_PRIVATE = 0x4000 | 0x40000


class ChildError(Exception):
    """The function in the child raised; the text is its traceback."""


class ChildGoneError(Exception):
    """The child has ended and says no more."""


class Talk:
    """The child's side."""

    def __init__(self, output: int) -> None:
        self._output = output
        self._orders: asyncio.Queue[Any] = asyncio.Queue()
        self.at_end: list[Callable[[], object]] = []
        """Called, in another thread, when pytest is gone and the child is about to go; `Child.kill` leaves no time."""

    def send(self, value: object) -> None:
        os.write(self._output, json.dumps({"value": value}, default=str).encode() + b"\n")

    async def receive(self) -> Any:
        return await self._orders.get()

    def _listen(self, loop: asyncio.AbstractEventLoop) -> None:
        for line in sys.stdin.buffer:
            loop.call_soon_threadsafe(self._orders.put_nowait, json.loads(line))
        try:
            for call in self.at_end:
                call()
        finally:
            os._exit(3)


class Child:
    """A running interpreter.

    `unprivileged` has root's tests bound by the modes of files as everybody is: the child takes the account `nobody`
    after the function's module is imported. What is imported later may be out of its reach.

    `disk=(folder, size)` gives the child a full disk to come: a file system of that many bytes, which only it sees,
    over the folder. Where the machine forbids that, no file of the child's may grow beyond the size; SQLite calls that
    an I/O error, not a full disk. `disk` says which one it is, `tmpfs` or `limit`.
    """

    def __init__(
        self,
        function: Callable[..., Awaitable[None]],
        *arguments: object,
        unprivileged: bool = False,
        disk: tuple[Path, int] | None = None,
    ) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", "from tests.child import main; main()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            cwd=ROOT,
            start_new_session=True,  # Ctrl-C is for pytest
        )
        self.pid = self._process.pid
        try:
            self._write(
                {
                    "module": function.__module__,
                    "function": function.__qualname__,
                    "arguments": [str(value) if isinstance(value, Path) else value for value in arguments],
                    "unprivileged": unprivileged,
                    "disk": [str(disk[0]), disk[1]] if disk else None,
                }
            )
            self.disk: str | None = self.receive()
        except BaseException:
            self.kill()
            raise

    def _write(self, value: object) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(value).encode() + b"\n")
        except BrokenPipeError:
            raise ChildGoneError(f"the child ended with {self._process.wait(PATIENCE)}") from None

    def send(self, value: object) -> None:
        self._write(value)

    def receive(self, within: float = PATIENCE) -> Any:
        """What the child sends next; `ChildError` where its function raised instead."""
        stdout = self._process.stdout
        assert stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            if not selector.select(within):
                raise TimeoutError(f"the child said nothing for {within} s")
        line = stdout.readline()
        if not line.endswith(b"\n"):
            raise ChildGoneError(f"the child ended with {self._process.wait(PATIENCE)}")
        answer = json.loads(line)
        if "error" in answer:
            raise ChildError(answer["error"])
        return answer["value"]

    def ask(self, value: object, within: float = PATIENCE) -> Any:
        self.send(value)
        return self.receive(within)

    async def answer(self, within: float = PATIENCE) -> Any:
        """`receive` where the child needs our loop, or ours has other work meanwhile."""
        return await asyncio.to_thread(self.receive, within)

    def wait(self, within: float = PATIENCE) -> int:
        """Until the function has returned; 0 where it did so, 1 where it raised, -9 where it was killed."""
        return self._process.wait(within)

    def kill(self) -> None:
        """SIGKILL; afterwards the child is no more."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()


def _libc(name: str, *arguments: Any) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def mount_tmpfs(folder: str | Path, size: int) -> None:
    options = f"size={size},mode=0777".encode()
    _libc("mount", b"tmpfs", os.fsencode(folder), b"tmpfs", ctypes.c_ulong(0), options)


def unmount(folder: str | Path) -> None:
    """Also while files in it are open."""
    mnt_detach = 2
    _libc("umount2", os.fsencode(folder), mnt_detach)


def _enter_namespace() -> None:
    """Where mounts are ours alone, and end with us; the calling process has one thread."""
    uid, gid = os.geteuid(), os.getegid()
    if uid == 0:
        _libc("unshare", CLONE_NEWNS)
    else:
        _libc("unshare", CLONE_NEWNS | CLONE_NEWUSER)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
    _libc("mount", b"none", b"/", None, ctypes.c_ulong(MS_REC_PRIVATE), None)


def limit_file_size(size: int | None) -> None:
    """Of every file of this process, until the next call; `None` takes the limit away."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard if size is None else size, hard))


def _take_disk(folder: str, size: int) -> str:
    try:
        _enter_namespace()
        mount_tmpfs(folder, size)
    except (OSError, AttributeError):  # forbidden, or no Linux
        limit_file_size(size)
        return "limit"
    return "tmpfs"


def _drop_privileges() -> None:
    if os.geteuid() == 0:
        resources.files("botmon_cog")  # imports what that account may not read where Python itself is root's
        nobody = pwd.getpwnam("nobody")
        os.setgroups([])
        os.setregid(nobody.pw_gid, nobody.pw_gid)
        os.setreuid(nobody.pw_uid, nobody.pw_uid)


def main() -> None:
    output = os.dup(1)
    os.dup2(2, 1)  # what the function prints is not for the test
    try:
        order = json.loads(sys.stdin.buffer.readline())
        disk = _take_disk(*order["disk"]) if order["disk"] else None
        function = getattr(importlib.import_module(order["module"]), order["function"])
        if order["unprivileged"]:
            _drop_privileges()

        async def run() -> None:
            talk = Talk(output)
            threading.Thread(target=talk._listen, args=[asyncio.get_running_loop()], daemon=True).start()
            talk.send(disk)
            await function(talk, *order["arguments"])

        asyncio.run(run())
    except Exception:  # noqa: BLE001 - the test raises it
        os.write(output, json.dumps({"error": traceback.format_exc()}).encode() + b"\n")
        code = 1
    else:
        code = 0
    sys.stderr.flush()
    os._exit(code)  # the listening thread holds standard input, which an orderly end would wait for
