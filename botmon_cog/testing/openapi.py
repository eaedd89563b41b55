"""Holds REST bodies against Discord's own OpenAPI description, where the environment names it.

`DISCORD_OPENAPI` is the path of `openapi.json` from https://github.com/discord/discord-api-spec. Unset: nothing is
checked. Needs the `jsonschema` package, which is in the extra "test".
"""

from __future__ import annotations

import importlib
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from botmon_cog.testing.errors import Payload
from botmon_cog.testing.recording import RecordedRequest

VARIABLE = "DISCORD_OPENAPI"
_REMEMBERED = 20_000


class Description:
    """One OpenAPI file: its routes, and a validator for the JSON body of each."""

    def __init__(self, path: Path) -> None:
        try:
            self._jsonschema: Any = importlib.import_module("jsonschema")
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                f"checking requests against {VARIABLE} needs the package jsonschema: pip install 'botmon-cog[test]'"
            ) from error
        self._spec: Payload = json.loads(path.read_text(encoding="utf-8"))
        templates: list[str] = sorted(self._spec["paths"], key=lambda template: template.count("{"))
        self._routes = [(re.compile(re.sub(r"\{[^}]+\}", "[^/]+", template)), template) for template in templates]
        self._validators: dict[tuple[str, str], Any] = {}
        self._kind: Any = self._jsonschema.validators.extend(
            self._jsonschema.Draft202012Validator, {"$ref": self._reference, "oneOf": self._one_of}
        )
        self._fitting: dict[tuple[object, str], bool] = {}

    def faults(self, method: str, path: str, body: Any) -> list[str]:
        template = self._template(method, path)
        if template is None:
            return [f"{method} {path}: Discord has no such route"]
        validator = self._validator(method, template)
        if validator is None or body is None:
            return []
        if self._fits((method, template), lambda: validator, body):
            return []
        found = [self._leaf(error) for error in validator.iter_errors(body)]
        return [f"{method} {template}: {_words(leaf)}" for leaf in found if not _is_digits_for_a_number(leaf)]

    def _template(self, method: str, path: str) -> str | None:
        for pattern, template in self._routes:
            if pattern.fullmatch(path) and method.lower() in self._spec["paths"][template]:
                return template
        return None

    def _validator(self, method: str, template: str) -> Any:
        key = (method, template)
        if key not in self._validators:
            operation: Payload = self._spec["paths"][template][method.lower()]
            content: Payload = operation.get("requestBody", {}).get("content", {})
            schema: Payload | None = content.get("application/json", {}).get("schema")
            self._validators[key] = (
                None if schema is None else self._kind({**schema, "components": self._spec["components"]})
            )
        return self._validators[key]

    # Bots send the same bodies again and again, and most of the work is in finding out which of many schemas is meant.

    def _fits(self, schema: object, validator: Callable[[], Any], instance: Any) -> bool:
        """Whether a validator has nothing against an instance; asked once. `schema`: what stands for its schema."""
        key = (schema, json.dumps(instance))
        known = self._fitting.get(key)
        if known is None:
            if len(self._fitting) >= _REMEMBERED:
                self._fitting.clear()
            known = self._fitting[key] = validator().is_valid(instance)
        return known

    def _reference(self, validator: Any, ref: str, instance: Any, schema: Payload) -> Iterator[Any]:
        if self._fitting.get((ref, text := json.dumps(instance))):
            return
        is_sound = True
        for error in self._jsonschema.Draft202012Validator.VALIDATORS["$ref"](validator, ref, instance, schema):
            is_sound = False
            yield error
        if is_sound:
            self._fitting[ref, text] = True

    def _one_of(self, validator: Any, choices: list[Payload], instance: Any, schema: Payload) -> Iterator[Any]:
        """Errors are gathered only where not exactly one of the schemas fits."""
        fitting = (
            self._fits(id(choice), lambda choice=choice: validator.evolve(schema=choice), instance)
            for choice in choices
        )
        if sum(fitting) != 1:
            yield from self._jsonschema.Draft202012Validator.VALIDATORS["oneOf"](validator, choices, instance, schema)

    def _leaf(self, error: Any) -> Any:
        """Of a failed choice between schemas, the fault in the one that was meant."""
        while error.context:
            branches: dict[Any, list[Any]] = {}
            for inner in error.context:
                branches.setdefault(inner.schema_path[0], []).append(inner)
            meant = [branch for branch in branches.values() if not any(map(_is_another_kind, branch))]
            candidates = meant[0] if meant else min(branches.values(), key=len)
            error = max(candidates, key=lambda inner: len(inner.absolute_path))
        return error


def faults(method: str, path: str, body: Any) -> list[str]:
    """What Discord would object to in this body; empty where it is sound or nothing is configured."""
    configured = os.environ.get(VARIABLE)
    return _description(configured).faults(method, path, body) if configured else []


def faults_of_all(requests: Iterable[RecordedRequest]) -> list[str]:
    """The same over all requests that were answered with a success."""
    return [
        fault
        for request in requests
        if 200 <= request.status < 300  # noqa: PLR2004  # HTTP's successes
        for fault in faults(request.method, request.path, request.json)
    ]


@cache
def _description(path: str) -> Description:
    return Description(Path(path))


def _is_another_kind(error: Any) -> bool:
    is_other_json_type = error.validator == "type" and not error.path
    is_other_discord_type = list(error.path) == ["type"] and error.validator in ("const", "enum", "oneOf", "allOf")
    return is_other_json_type or is_other_discord_type


def _is_digits_for_a_number(error: Any) -> bool:
    # Discord takes ids and permissions as numbers and as digits in a string; its description names one of the two.
    return error.validator == "type" and str(error.instance).isdigit() and not isinstance(error.instance, bool)


def _words(error: Any) -> str:
    where = "/".join(str(step) for step in error.absolute_path) or "the body"
    return f"{where}: {error.message[:200]}"
