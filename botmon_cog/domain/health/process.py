"""Memory, processor and open files of this process."""

from __future__ import annotations

from botmon_cog.config import HealthConfig
from botmon_cog.domain.health.levels import Check, Words
from botmon_cog.domain.health.verdict import HEALTHY, UNKNOWN, conclude
from botmon_cog.domain.reports import CpuHealth, FilesHealth, MemoryHealth
from botmon_cog.domain.samples import ProcessSample
from botmon_cog.domain.text import bytes_, count, duration, finite, percent

_MB = 1_000_000
_HOUR_S = 3600.0


def judge_memory(sample: ProcessSample, config: HealthConfig, check: Check) -> MemoryHealth:
    rss_bytes, limit_bytes = sample.rss_bytes, sample.limit_bytes
    used = _percent_of(rss_bytes, limit_bytes)
    verdict = conclude(
        check.level(
            "memory", used, config.memory_warning_percent, config.memory_critical_percent, lambda: _memory(sample, used)
        ),
        check.level(
            "memory.growth",
            sample.growth_bytes_per_h,
            config.memory_growth_warning_mb_per_h * _MB,
            None,
            lambda: _growth(sample),
        ),
        otherwise=UNKNOWN if used is None else HEALTHY,
        because=_unread("memory") if rss_bytes is None else None,
    )
    return MemoryHealth(
        **verdict,
        rss_bytes=rss_bytes,
        vms_bytes=sample.vms_bytes,
        percent=used,
        limit_bytes=limit_bytes,
        is_contained=sample.is_contained,
        growth_bytes_per_h=sample.growth_bytes_per_h,
    )


def judge_cpu(sample: ProcessSample, config: HealthConfig, check: Check) -> CpuHealth:
    used = finite(sample.cpu_percent)
    verdict = conclude(
        check.level("cpu", used, config.cpu_warning_percent, config.cpu_critical_percent, lambda: _cpu(used)),
        otherwise=UNKNOWN if used is None else HEALTHY,
        because=_unread("processor time") if used is None and sample.is_cpu_measured else None,
    )
    return CpuHealth(**verdict, percent=used, system_percent=sample.system_cpu_percent, threads=sample.threads)


def judge_files(sample: ProcessSample, config: HealthConfig, check: Check) -> FilesHealth:
    """Without a limit, as on Windows, there is nothing to judge."""
    files, limit = sample.files, sample.files_limit
    used = _percent_of(files, limit)
    verdict = conclude(
        check.level("files", used, config.files_warning_percent, config.files_critical_percent, lambda: _files(sample)),
        otherwise=UNKNOWN if files is None else HEALTHY,
        because=_unread("open files") if files is None else None,
    )
    return FilesHealth(**verdict, files=files, limit=limit)


def _percent_of(used: float | None, limit: float | None) -> float | None:
    if used is None or limit is None or not limit > 0:
        return None
    return used / limit * 100


def _unread(what: str) -> tuple[str, str]:
    return f"the {what} of this process can't be read", (
        "The system refuses it: let the bot's user see its own process, or leave this out of [health] watch."
    )


def _memory(sample: ProcessSample, used: float | None) -> Words:
    whose = "its container's" if sample.is_contained else "this machine's"
    return f"the bot uses {percent((used or 0) / 100)} of {whose} memory", (
        "Restart the bot soon and look for what it keeps: caches, message history, unclosed sessions."
    )


def _growth(sample: ProcessSample) -> Words:
    growth = sample.growth_bytes_per_h or 0
    reason = f"the bot's memory grows by {bytes_(growth)} an hour"
    if sample.limit_bytes is not None and sample.rss_bytes is not None and growth > 0:
        left_s = (sample.limit_bytes - sample.rss_bytes) / growth * _HOUR_S
        reason += f" and will be full in {duration(left_s)}"
    return reason, (
        "Look for what is only ever added to: lists and dicts in your cogs, caches without a bound, tasks that never "
        "end. A restart buys time."
    )


def _cpu(used: float | None) -> Words:
    return f"the bot keeps {percent((used or 0) / 100)} of a processor core busy", (
        "Something computes instead of waiting: move it to a thread or a process, or spread the guilds over shards."
    )


def _files(sample: ProcessSample) -> Words:
    files, limit = sample.files or 0, sample.files_limit or 0
    return f"the bot has {count(files)} of at most {count(limit)} files open", (
        "Look for files, sessions and connections that are opened and never closed: use `with` and one session for "
        "all. A higher limit (ulimit -n, LimitNOFILE) only buys time."
    )
