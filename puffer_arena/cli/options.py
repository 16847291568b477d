"""Reading a command's options: a dataclass in, an instance out, and one clear line when it cannot be."""

import contextlib
import dataclasses
import inspect
import io
import re
import sys
import typing
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, TypeVar

import tyro

from puffer_arena.cli.output import check
from puffer_arena.errors import ArenaError, ParameterError, UnknownName, suggest
from puffer_arena.settings import allowed

T = TypeVar("T")
FRAME = re.compile("[│╭╮╰╯┃]")  # what tyro draws round its messages, where the terminal has more than ASCII
RULE = re.compile("^[─-]+$")
# What tyro says, and how a person would say it.
PLAINLY = (
    (r"^missing from python -m puffer_arena ([\w-]+): (\S+)", r"\1 needs \2:"),
    (r"\.? \(required\) (\S+)", r"; \1:"),
    (r"\.? \(required\)", ""),
    (r"^error parsing (\S+): invalid literal for int\(\) with base 10: ('.*')", r"\1 is \2; it is a whole number"),
    (r"^error parsing (\S+): could not convert string to float: ('.*')", r"\1 is \2; it is a number"),
    (r"^missing value for argument '(.*)'\. Expected \d+ values?", r"\1 needs a value"),
)


def parse(options: type[T], command: str, arguments: Sequence[str], default: T | None = None) -> T:
    """Read `arguments` into the dataclass `options`.

    Args:
        options: its docstring and fields make the help text.
        command: the command's name, for the help text.
        arguments: what follows the command.
        default: values in place of the dataclass's own.

    Raises:
        UnknownName: an option that does not exist, with the closest that does.
        ParameterError: a value that does not fit, or one that is missing.
    """
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            value, unknown = tyro.cli(
                options,
                prog=f"python -m puffer_arena {command}",
                description=inspect.cleandoc(options.__doc__ or ""),
                args=list(arguments),
                default=tyro.MISSING_NONPROP if default is None else default,
                return_unknown_args=True,
                config=(tyro.conf.PositionalRequiredArgs,),
            )
    except SystemExit as ended:
        if not ended.code:
            sys.stdout.flush()
            check()
            raise  # --help
        raise _read_message(said.getvalue(), options, command) from None
    if unknown:
        raise _unknown(unknown[0], options, command)
    return typing.cast(T, value)


def annotated(kind: type[Any], hidden: Sequence[str] = ()) -> type[Any]:
    """Return a copy of a dataclass of settings whose fields carry their help text, without those that are `hidden`."""
    hints, fields = typing.get_type_hints(kind), []
    for each in dataclasses.fields(kind):
        hint: Any = hints[each.name]
        default: Any = dataclasses.field(default=each.default, default_factory=each.default_factory)
        if dataclasses.is_dataclass(hint):
            hint = annotated(typing.cast(type[Any], hint))
            default = dataclasses.field(default_factory=hint)
        elif each.name in hidden:
            hint = Annotated[hint, tyro.conf.arg(help=""), tyro.conf.Suppress]
        else:
            about = ". ".join(part for part in (each.metadata.get("doc", ""), allowed(each)) if part)
            hint = Annotated[hint, tyro.conf.arg(help=about)]
        fields.append((each.name, hint, default))
    return dataclasses.make_dataclass(kind.__name__, fields)


def as_annotated(kind: Any, settings: Any) -> Any:
    """Return settings as the class that `annotated` made of theirs."""
    hints = typing.get_type_hints(kind)
    values = {each.name: getattr(settings, each.name) for each in dataclasses.fields(kind)}
    return kind(**{k: as_annotated(hints[k], v) if dataclasses.is_dataclass(v) else v for k, v in values.items()})


def read_pairs(pairs: Sequence[str], option: str) -> dict[str, Any]:
    """Turn ("rows=7", "wall=0.5", "torus=true") into a dict of whole numbers, floats and flags; "heights=1,2" is a list.

    Raises:
        ParameterError: a pair that is not name=value.
    """
    found: dict[str, Any] = {}
    for name, text in split_pairs(pairs, option).items():
        numbers = [read_number(word.strip(), f"{option} {name}") for word in text.split(",")]
        found[name] = numbers if "," in text else numbers[0]
    return found


def split_pairs(pairs: Sequence[str], option: str) -> dict[str, str]:
    """Turn ("rows=7", "wall=0:0.5") into a dict of texts.

    Raises:
        ParameterError: a pair that is not name=value.
    """
    values: dict[str, str] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not (name and equals and text):
            raise ParameterError(f"{option} {pair!r} is not name=value; write for example {option} rows=7")
        values[name.strip().replace("-", "_")] = text.strip()
    return values


def read_number(text: str, what: str) -> bool | int | float:
    """Return the flag or number that `text` stands for.

    Raises:
        ParameterError: it stands for neither.
    """
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(text)
    raise ParameterError(f"{what} = {text!r}; it must be a number, true or false")


def flags(options: Any, prefix: str = "") -> Iterator[str]:
    """Yield the options of a dataclass as they are written on the command line, nested ones dotted."""
    hints = typing.get_type_hints(options, include_extras=True)
    for field in dataclasses.fields(options):
        kind, *marks = typing.get_args(hints[field.name]) if is_annotated(hints[field.name]) else [hints[field.name]]
        given = next((mark.name for mark in marks if getattr(mark, "name", None)), field.name.replace("_", "-"))
        if dataclasses.is_dataclass(kind):
            yield from flags(kind, "" if field.metadata.get("flat") else f"{prefix}{given}.")
        elif not (is_required(field) or any(mark in (tyro.conf.Positional, tyro.conf.Suppress) for mark in marks)):
            yield f"--{prefix}{given}"


def is_required(field: "dataclasses.Field[Any]") -> bool:
    """Tell whether a field has no default: it is given by its place."""
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def is_annotated(hint: Any) -> bool:
    return typing.get_origin(hint) is Annotated


def _unknown(argument: str, options: Any, command: str) -> ArenaError:
    """Say that nothing takes `argument`."""
    if not argument.startswith("-"):
        return ParameterError(f"unexpected argument '{argument}' (python -m puffer_arena {command} --help)")
    name = argument.partition("=")[0].replace("_", "-")
    hint = suggest(name, flags(options))
    return UnknownName(f"unknown option '{name}'; {hint} (python -m puffer_arena {command} --help)")


def _read_message(said: str, options: Any, command: str) -> ArenaError:
    """Bring what tyro said in a frame down to its first sentence."""
    lines = [FRAME.sub("", line).strip() for line in said.splitlines()]
    body = [line for line in lines[1:] if line]  # the first line is the frame's title, in ASCII above a rule
    body = body[1:] if body and RULE.match(body[0]) else body
    rules = [k for k, line in enumerate(body) if RULE.match(line)]
    message = " ".join(body[: rules[0]] if rules else body) or "the options cannot be read"
    if "nrecognized" in message and (found := re.search(r"--?[\w.-]+", message)):
        return _unknown(found.group(), options, command)
    for pattern, plainly in PLAINLY:
        message = re.sub(pattern, plainly, message, flags=re.IGNORECASE)
    message = message[0].lower() + message[1:]
    return ParameterError(f"{message.rstrip('.')} (python -m puffer_arena {command} --help)")
