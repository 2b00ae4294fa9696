"""YAML from outside: what it says and where each name of it stands; what is none is told by its line and column."""

from __future__ import annotations

from typing import Any

from flexlib.i18n import _
from flexlib.nesting import MOST_NESTED, GivenTwice, TooDeep, Unreadable, format_given
from flexlib.refusals import explain_refusal


class NoYaml(Unreadable):
    """What is no YAML, or no value that it can have, with where that stands: what the library says of it is English
    and of its own making, and is left out."""

    def __init__(self, line: int, column: int, given: str | None = None) -> None:
        said = _("line {line}, column {column}: {given} is no date or number that there is; a text stands in quotes")
        if given is None:
            said = _(
                "line {line}, column {column} is not as YAML is written; look there and just before at indentation, "
                "colons, quotes and brackets"
            )
        super().__init__(said.format(line=line, column=column, given=format_given(given)))


class Written:
    """A number of a YAML file that is not what it looks like, or not to the last digit: `1200.00`, `0421`, `1_000`."""

    def __init__(self, text: str) -> None:
        self.text = text
        """As it is written."""

    def __repr__(self) -> str:
        return self.text


def read_digits(value: object) -> str | None:
    """The digits of an amount out of `decode_yaml` with `exact`, in quotes or not; None of what is no text or number.

    >>> read_digits("1200.00"), read_digits(decode_yaml("1200.00", exact=True)), read_digits(True)
    ('1200.00', '1200.00', None)
    """
    if isinstance(value, Written):
        return value.text
    return str(value) if type(value) in (str, int) else None


def decode_yaml(text: str, *, exact: bool = False) -> Any:  # noqa: ANN401 (YAML)
    """The value of a YAML text; `exact`: a number that is not to the last digit what it looks like is `Written`. Raises
    `TooDeep`, `GivenTwice` and `NoYaml`."""
    import yaml

    class Loader(yaml.SafeLoader):
        def construct_object(self, node: Any, deep: bool = False) -> Any:  # noqa: ANN401
            try:
                return super().construct_object(node, deep)
            except (ValueError, OverflowError, KeyError, IndexError, AttributeError) as error:
                if isinstance(error, Unreadable):
                    raise
                mark = node.start_mark
                raise NoYaml(mark.line + 1, mark.column + 1, str(node.value)) from error

        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:  # noqa: ANN401
            # What `<<` brings in may be given again.
            names: list[Any] = []
            for each, __ in node.value:
                if not each.tag.endswith(":merge"):
                    names.append(name := self.construct_object(each, deep=True))
                    if names.count(name) > 1:
                        raise GivenTwice(name, each.start_mark.line + 1)
            return super().construct_mapping(node, deep)

    def construct_number(loader: Any, node: Any) -> Any:  # noqa: ANN401
        is_whole = node.tag.endswith(":int")
        value = loader.construct_yaml_int(node) if is_whole else loader.construct_yaml_float(node)
        return value if is_whole and str(value) == node.value else Written(node.value)

    for kind in ("int", "float") if exact else ():
        Loader.add_constructor(f"tag:yaml.org,2002:{kind}", construct_number)
    depth = 0
    try:
        for event in yaml.parse(text):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > MOST_NESTED:
                raise TooDeep
        return yaml.load(text, Loader)  # noqa: S506 (a safe one)
    except yaml.YAMLError as error:
        raise NoYaml(*_find_place(error, text)) from error


def _find_place(error: Any, text: str) -> tuple[int, int]:  # noqa: ANN401 (the library's errors differ in what they say)
    """The line and the column, from 1, of what is no YAML."""
    if mark := getattr(error, "problem_mark", None) or getattr(error, "context_mark", None):
        return mark.line + 1, mark.column + 1
    before = text[: getattr(error, "position", 0)]  # a character that it may not have
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def explain_unread(path: object, error: Exception) -> str:
    """That a file cannot be read as YAML, and why."""
    why = _("it is not in UTF-8; save it so") if isinstance(error, UnicodeDecodeError) else explain_refusal(error)
    return _("{path} cannot be read as YAML: {error}.").format(path=path, error=why)


def list_yaml_lines(text: str, name: str) -> list[int]:
    """The line, from 1, of each item of the list that a mapping has under `name`; none where there is no such list.

    >>> list_yaml_lines("a: 1\\nb:\\n  - 2\\n  - 3\\n", "b")
    [3, 4]
    """
    import yaml

    node = yaml.compose(text, yaml.SafeLoader)
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    found = next((value for key, value in pairs if key.value == name), None)
    return [one.start_mark.line + 1 for one in found.value] if isinstance(found, yaml.SequenceNode) else []


def find_yaml_lines(text: str, *, within: str = "") -> dict[str, int]:
    """The line, from 1, of each name of a mapping, by the name as it is written; of the one that stands in it under the
    name `within`.

    >>> find_yaml_lines("a: 1\\nb:\\n  - 2\\n")
    {'a': 1, 'b': 2}
    """
    import yaml

    node = yaml.compose(text, yaml.SafeLoader)
    for name in filter(None, [within]):
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        node = next((value for key, value in pairs if key.value == name), None)
    return {key.value: key.start_mark.line + 1 for key, _ in node.value} if isinstance(node, yaml.MappingNode) else {}
