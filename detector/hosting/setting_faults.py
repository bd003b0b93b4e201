"""Reading settings so that every fault is named at once, each with what to change."""

import difflib
import os
from collections.abc import Iterable
from typing import TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings

S = TypeVar("S", bound=BaseSettings)


class SettingsError(Exception):
    """Settings that cannot be used; `faults` has a sentence for each, which says what to change."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(self.faults))


def read_settings(model: type[S], guarded_prefix: str, owner: str) -> S:
    """The settings of `model` from the environment. Raises SettingsError with a sentence for each fault.

    A variable that begins with `guarded_prefix` and is none of the model's is a fault: most likely a
    misspelt one. The description of each field completes the sentence "set it to …".
    """
    env_prefix = str(model.model_config.get("env_prefix", "")).upper()
    known = [env_prefix + field.upper() for field in model.model_fields]
    faults = [
        _unknown(name, known, owner)
        for name in sorted(os.environ)
        if name.upper().startswith(guarded_prefix) and name.upper() not in known
    ]
    try:
        settings = model()
    except ValidationError as error:
        faults += [_invalid(fault, model, env_prefix) for fault in error.errors(include_input=False)]
    if faults:
        raise SettingsError(faults)
    return settings


def _unknown(name: str, known: list[str], owner: str) -> str:
    nearest = difflib.get_close_matches(name.upper(), known, n=1, cutoff=0.0)[0]
    return f"{name} is not a setting of the {owner}: did you mean {nearest}? If not, unset it."


def _invalid(fault: ErrorDetails, model: type[BaseSettings], env_prefix: str) -> str:
    reason = fault["msg"].removeprefix("Value error, ")
    if not fault["loc"]:  # of several settings together: says by itself what to do
        return reason
    field = str(fault["loc"][0])
    advice = model.model_fields[field].description
    return f"{env_prefix}{field.upper()} cannot be used ({reason}): set it to {advice}."
