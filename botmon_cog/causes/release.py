"""Which version of itself the host runs."""

from __future__ import annotations

import re
from pathlib import Path

_SHORT = 7
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


def git_commit(folder: Path) -> str | None:
    """The commit that is checked out there, as git shortens it; None where that is no repository, or can't be read.

    It reads git's own files: git need not be installed.
    """
    try:
        found = _commit(folder)
    except (OSError, ValueError):  # no repository, another user's, or not as git writes it
        return None
    return None if found is None else found[:_SHORT]


def _commit(folder: Path) -> str | None:
    git = next((one / ".git" for one in (folder, *folder.parents) if (one / ".git").exists()), None)
    if git is None:
        return None
    if git.is_file():  # a worktree, or a submodule
        git = git.parent / _line(git).removeprefix("gitdir: ")
    head = _line(git / "HEAD")
    if not head.startswith("ref: "):
        return _checked(head)
    name = head.removeprefix("ref: ")
    common = git / _line(git / "commondir") if (git / "commondir").is_file() else git
    for home in (git, common):
        if (home / name).is_file():
            return _checked(_line(home / name))
    for line in (common / "packed-refs").read_text(encoding="utf-8").splitlines():
        commit, _, ref = line.partition(" ")
        if ref == name:
            return _checked(commit)
    return None


def _line(file: Path) -> str:
    return file.read_text(encoding="utf-8").strip()


def _checked(commit: str) -> str | None:
    return commit if _COMMIT.fullmatch(commit) else None
