"""The command line's parser: errors in one line, names in any spelling, near ones suggested, every default shown."""

from __future__ import annotations

import argparse
import sys
from typing import Any, NoReturn

from ..core.names import hint, plain
from ..core.terminal import REFUSED, say

__all__ = ["Formatter", "Parser"]


class Formatter(argparse.RawDescriptionHelpFormatter):
    """Keeps the line breaks of the text around the options, and says every option's default."""

    def _get_help_string(self, action: argparse.Action) -> str:
        text = action.help or ""
        optional = bool(action.option_strings) and not isinstance(
            action, (argparse._HelpAction, argparse._VersionAction)
        )
        if not optional or action.required or "default" in text or action.default is argparse.SUPPRESS:
            return text
        default = action.default
        if isinstance(default, (list, tuple)):
            default = " ".join(map(str, default))
        if default is False:
            default = "off"
        shown = "none" if default in (None, "") else str(default).replace("%", "%%")
        return f"{text} (default: {shown})".lstrip()


class Parser(argparse.ArgumentParser):
    """An argument parser that speaks as the rest of ``hns`` does."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **{"formatter_class": Formatter, **settings})

    def error(self, message: str) -> NoReturn:
        """One line, status 2."""
        name, _, unknown = message.partition("unrecognized arguments: ")
        if unknown and not name:
            first = unknown.split()[0].split("=")[0]
            known = [word for word in self._option_string_actions if word.startswith("--")]
            near = hint(first, known, everything=False) if first.startswith("-") else ""
            message = f"no such argument: {unknown}{near and ': '}{near}"
        place = "" if self.prog == "hns" else f"{self.prog.removeprefix('hns ')}: "
        say(f"hns: {place}{message}; {self.prog} --help explains", error=True)
        sys.exit(REFUSED)

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse does; arguments that nobody knows are told by the command that they were given to."""
        options, rest = self.parse_known_args(args, namespace)
        if rest:
            self._innermost(options).error(f"unrecognized arguments: {' '.join(rest)}")
        return options

    def _innermost(self, options: argparse.Namespace) -> Parser:
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                chosen = action.choices.get(str(getattr(options, action.dest, "")))
                return chosen._innermost(options) if isinstance(chosen, Parser) else self
        return self

    def _get_value(self, action: argparse.Action, arg_string: str) -> Any:
        if isinstance(action, argparse._SubParsersAction):  # whose values are all the rest of the command line
            return arg_string
        if action.choices is not None and action.type is None:
            return {plain(name): name for name in action.choices}.get(plain(arg_string), arg_string)
        if action.type in (int, float):
            try:
                if not arg_string.isascii():
                    raise ValueError
                return action.type(arg_string)  # type: ignore[operator]
            except ValueError:
                kind = "an integer" if action.type is int else "a number"
                shown = arg_string if len(arg_string) <= 40 else f"{arg_string[:37]}..."
                raise argparse.ArgumentError(action, f"must be {kind}, got {shown!r}") from None
        return super()._get_value(action, arg_string)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            raise argparse.ArgumentError(action, f"must be a known name, got {value!r}: {hint(value, action.choices)}")
