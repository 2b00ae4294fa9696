"""YAML from outside: what it says and where each name of it stands; what is none is told by its line and column."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from flexlib.i18n import _
from flexlib.nesting import MOST_NESTED, GivenTwice, TooDeep, Unreadable, explain_fields, format_given, name_line
from flexlib.refusals import explain_refusal


class NoYaml(Unreadable):
    """What is no YAML, or no value that it can have, with where that stands: what the library says of it is English
    and of its own making, and is left out."""

    def __init__(self, line: int, column: int, last: int, given: str | None = None) -> None:
        """`last`: the line in which what begins there was noticed."""
        said = _("line {line}, column {column}: {given} is no date or number that there is; a text stands in quotes")
        if given is None:
            said = _(
                "line {line}, column {column} is not as YAML is written; look there and just before at indentation, "
                "colons, quotes and brackets"
            )
        if last > line:
            said = _(
                "from line {line}, column {column} to line {last} it is not as YAML is written; look there at "
                "indentation, colons, commas, quotes and brackets"
            )
        super().__init__(said.format(line=line, column=column, last=last, given=format_given(given)))


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
                raise NoYaml(mark.line + 1, mark.column + 1, mark.line + 1, str(node.value)) from error

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


def _find_place(error: Any, text: str) -> tuple[int, int, int]:  # noqa: ANN401 (the library's errors differ)
    """The line and the column, from 1, in which what is no YAML begins, and the line in which it was noticed: a bracket
    or quote that nothing closes, and a name without its colon, go on into lines that are as they should be."""
    import yaml

    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if not mark:
        before = text[: getattr(error, "position", 0)]  # a character that it may not have
        return before.count("\n") + 1, len(before) - before.rfind("\n"), before.count("\n") + 1
    is_at_end = not text[mark.index :].strip()
    begun = error.context_mark if isinstance(error, yaml.scanner.ScannerError) or is_at_end else None
    begun = begun or _find_text_before(text, mark) or mark
    if begun.line >= mark.line:
        begun = mark
    last = begun.line if error.context == "while scanning a simple key" else min(mark.line, text.rstrip().count("\n"))
    return begun.line + 1, begun.column + 1, max(begun.line, last) + 1


def _find_text_before(text: str, mark: Any) -> Any:  # noqa: ANN401 (the library's)
    """Where the text begins that ends just before `mark`, in the same line, and may have swallowed lines before; None
    where there is none."""
    import yaml

    loader: Any = yaml.SafeLoader(text)
    last: Any = None
    try:
        while loader.check_token() and loader.peek_token().start_mark.index < mark.index:
            last = loader.get_token()
    except yaml.YAMLError:
        last = (loader.tokens or [last])[-1]
    is_text = isinstance(last, yaml.ScalarToken) and last.style not in ("|", ">")
    return last.start_mark if is_text and last.end_mark.line == mark.line else None


def explain_unread(path: object, error: Exception) -> str:
    """That a file cannot be read as YAML, and why."""
    return _("{path} cannot be read as YAML: {error}.").format(path=path, error=explain_refusal(error))


@dataclass(frozen=True)
class Place:
    """Where something of a YAML file stands, as errors say it before what is wrong."""

    file: object
    line: int = 0
    """From 1; 0 for the whole file."""
    fields: Mapping[str, int] = field(default_factory=dict)
    """The lines of its names."""
    name: str = ""
    """What it is called."""

    def __str__(self) -> str:
        where = name_line(self.line, self.file) if self.line else str(self.file)
        return f"{where}: {self.name}" if self.name else where

    def at(self, name: object) -> Place:
        """The line of one of its names, or where it stands itself if nothing gives that."""
        return replace(self, line=self.fields.get(str(name), self.line))

    def explain_fields(self, what: str, given: object, fields: Collection[str]) -> Iterator[str]:
        """As `explain_fields`, a sentence for each line that has a wrong name; none where all are right."""
        if not isinstance(given, dict):
            yield explain_fields(self, what, given, fields)
            return
        places = {self.at(name).line: self.at(name) for name in given.keys() - {*fields}}
        for line, place in sorted(places.items()):
            wrong = [name for name in given.keys() - {*fields} if self.at(name).line == line]
            yield explain_fields(place, what, dict.fromkeys(wrong), fields)


def find_places(text: str, file: object, name: str = "") -> tuple[Place, list[Place]]:
    """Where the names of a mapping stand; and each item of the list that it has under `name`, with its names, those of
    the mapping for what it does not name itself.

    >>> whole, (one,) = find_places("a: 1\\nb:\\n  - c: 2\\n    d: 3\\n", "x.yaml", "b")
    >>> str(whole.at("a")), str(one.at("d")), str(one.at("a")), str(one.at("e"))
    ('line 1 of x.yaml', 'line 4 of x.yaml', 'line 1 of x.yaml', 'line 3 of x.yaml')
    """
    import yaml

    node = yaml.compose(text, yaml.SafeLoader)
    lines = _list_names(node)
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    found = next((value for key, value in pairs if key.value == name), None)
    items = found.value if isinstance(found, yaml.SequenceNode) else []
    return Place(file, fields=lines), [
        Place(file, one.start_mark.line + 1, {**lines, **_list_names(one)}) for one in items
    ]


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
    return _list_names(node)


def _list_names(node: Any) -> dict[str, int]:  # noqa: ANN401 (the library's)
    import yaml

    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return {key.value: key.start_mark.line + 1 for key, _ in pairs if isinstance(key, yaml.ScalarNode)}
