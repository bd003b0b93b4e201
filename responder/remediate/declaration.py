"""What every part of the catalogue has in common, and how an executor announces itself to it."""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from responder.remediate.executor import Executor

MAX_SECONDS = 600

_SOCKET_PATH_BYTES = 107  # sockaddr_un holds 108 with the closing NUL


class Declared(BaseModel):
    """A mapping of the catalogue. Immutable; an unknown field is an error that names the nearest known."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_fields(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        known = [field.alias or name for name, field in cls.model_fields.items()]
        for name in data:
            if name in known:
                continue
            near = difflib.get_close_matches(str(name), known, n=1)
            advice = f"did you mean '{near[0]}'?" if near else f"the fields here are {', '.join(known)}"
            raise PydanticCustomError(
                "unknown_field",
                "unknown field '{field}'; {advice}",
                {"field": str(name)[:80], "advice": advice},
            )
        return data

    def time_limit_s(self) -> float:
        """Of a step: how many seconds performing it may take at most."""
        return float(getattr(self, "timeout_s", MAX_SECONDS))

    def touches(self) -> int | None:
        """Of a step: how many instances of the service it interrupts at the same time; None: it cannot
        tell."""
        return None


class OneOf(Declared):
    """A mapping of which exactly one field is given."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if len(self.model_fields_set) != 1 or self.chosen()[1] is None:
            raise PydanticCustomError(
                "one_of", "name exactly one of {names}", {"names": ", ".join(type(self).model_fields)}
            )
        return self

    def chosen(self) -> tuple[str, Any]:
        """The given field's name and value."""
        (name,) = self.model_fields_set
        return name, getattr(self, name)


def _no_boolean(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("a number is needed here, not yes/no")
    return value


Seconds = Annotated[float, BeforeValidator(_no_boolean), Field(gt=0, le=MAX_SECONDS)]
"""A time limit in seconds."""

Text = Annotated[str, Field(min_length=1, max_length=4096, pattern=r"^[^\x00]*$")]
"""A text for the system or the wire: not empty, bounded, without NUL."""


def is_unix_socket(url: str) -> bool:
    """Whether `url` is `unix:///absolute/path`. Raises ValueError for a path no system can bind."""
    if not url.startswith("unix:///"):
        return False
    if len(url.removeprefix("unix://").encode()) > _SOCKET_PATH_BYTES:
        raise ValueError(f"the socket's path is longer than the {_SOCKET_PATH_BYTES} bytes a system takes")
    return True


@dataclass(frozen=True, slots=True)
class ExecutorKind:
    """How an executor enters the catalogue.

    `name`: the word a step begins with. `step`: the type its fields are validated by (a `Declared` or a
    union of them). `connection`: the fields under `process_manager.<name>`, None when it needs none.
    `build`: makes the executor from its connection and the environment.
    """

    name: str
    step: Any
    build: Callable[[Any, Mapping[str, str]], Executor[Any]]
    connection: type[Declared] | None = None
