"""Which column of a file of calls feeds which field of the usage schema, and what stands for all of its rows."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Literal

from flexlib.enums import GRAINS, LlmProvider, LlmProxy, LlmTaskType
from flexlib.errors import BadParameter
from flexlib.i18n import _
from flexlib.schema import EXTRA_COUNTS
from flexlib.sources.files.choices import check_choices
from flexlib.sources.files.conditions import hide_emails, list_columns
from flexlib.sources.files.fields import FIELDS, AskedColumns, read_aliases, read_extra_counts, read_members
from flexlib.sources.files.numbers import SUMMED

RULES = 2
"""How ids are made and unclear counts are read: an imported file is read again by the same, or it would count twice."""


@dataclass(frozen=True, kw_only=True)
class CallMapping:
    """How to read a file of calls.

    A name with `_column`, and each of the plain fields, is a column of the file (in JSON lines also a path such as
    `usage.prompt_tokens`); a number may be a sum of columns, `a + b`, where none has that name. `provider`, `model`,
    `proxy`, `task_type` and `usable_type` hold for every row whose own column is empty or not there. With neither
    `provider` nor its column, the maker is what stands before the slash in the column of models
    (anthropic/claude-sonnet-4). Raises `BadParameter` when what is needed is missing.
    """

    created_at: str
    """When the call was made."""
    ended_at: str | None = None
    """When the period of a row ends: that tells its grain. It has no part in an id, nor in what is said of a file."""
    parent_id: str | None = None
    """The id of the row in which this one was made: what sums up rows in it is no call. Its part is as small."""
    prompt_tokens: str | None = None
    """May only be left out where tokens set no price (images, audio, video): then they are 0."""
    completion_tokens: str | None = None
    """May only be left out where a call generates no text: then they are 0."""
    total_tokens: str | None = None
    """Checked against prompt + completion."""
    cached_tokens: str | None = None
    cache_write_tokens: str | None = None
    cache: Literal["apart", "included"] | None = None
    """Whether those two stand beside the prompt tokens, and are added to them, or are part of them. None: each row's
    total tells; a file in which it does not is refused."""
    reasoning_tokens: str | None = None
    reasoning: Literal["apart", "included"] | None = None
    """The same of them and the completion tokens."""
    provider: LlmProvider | None = None
    provider_column: str | None = None
    model: str | None = None
    model_column: str | None = None
    proxy: LlmProxy | None = None
    """None: called directly."""
    proxy_column: str | None = None
    direct: tuple[str, ...] = ()
    """Rows called directly, whatever the proxy of the others: conditions as in `where`, any of which makes one."""
    task_type: LlmTaskType = LlmTaskType.TEXT
    task_type_column: str | None = None
    cost: str | None = None
    """In the proxy's own unit, USD where there is none."""
    amount_in_usd: str | None = None
    amount_unit: Literal["usd", "cents"] = "usd"
    """Of `amount_in_usd` and `cost`."""
    amount_zero: Literal["known", "unknown"] | None = None
    """What an amount of 0 beside tokens says: that they cost nothing, or that the source has no price for them.
    None: it is taken as 0, and the certificate says that it may be more."""
    amount_in_clp: str | None = None
    currency: str | None = None
    """Of `amount_in_usd` and `cost`: a file of another than USD is refused."""
    currency_column: str | None = None
    not_billed: tuple[str, ...] = ()
    """Rows that cost nothing, whatever their amount: conditions as in `where`, any of which makes one."""
    billed: tuple[str, ...] = ()
    """Rows whose amount is billed, where that is not so of all but those: of any other an amount is not known."""
    duration_ms: str | None = None
    """Rounded to whole milliseconds."""
    duration_unit: Literal["ms", "s"] = "ms"
    status: str | None = None
    usable_type: str | None = None
    """What `usable_id` is the id of, such as `user`."""
    usable_type_column: str | None = None
    usable_id: str | None = None
    usable_key: str | None = None
    """The id of the usable where it is no number. An e-mail becomes an opaque key, and stands in the people file."""
    request_id: str | None = None
    """Becomes the row's id where it is not empty."""
    repeated: Literal["refuse", "last"] = "refuse"
    """Of rows with the same id that say different things: refuse all but the first, or take the last (a stream that is
    logged while it grows)."""
    tier: str | None = None
    """The service tier: standard, batch, flex, priority or fast."""
    tier_columns: tuple[str, ...] = ()
    """More columns that may name a tier, such as a speed: of two that are not the standard one, no list has a price."""
    batch_column: str | None = None
    """Whether the tier is batch, whatever `tier` says: true or false, 1 or 0, yes or no."""
    requests: str | None = None
    """How many calls a row sums."""
    grain: str = "call"
    """What a row stands for: a `call`, or the calls of an `hour`, a `day` or a `month`, `created_at` its beginning."""
    extra_counts: tuple[str, ...] = ()
    """Counts that price lists may price by themselves, such as `web_searches=searches`."""
    metadata: tuple[str, ...] = ()
    """Columns kept as one JSON object by their names. One named `tier`, or as an extra count, is read as that too,
    where no other column is: as recording does."""
    where: tuple[str, ...] = ()
    """Rows that are read, such as `type=assistant|tool` or `type!=user`; all conditions must hold. The others are left
    out, and counted."""
    no_calls: tuple[str, ...] = ()
    """Rows that are no calls, by kind, such as `failed calls: status=error & tokens=`: left out, and counted."""
    timezone: str = "UTC"
    """The zone of times that name none. A date without a time keeps its date in every zone."""
    date_order: Literal["dmy", "mdy"] | None = None
    """Of dates such as 05/10/2026. None: a day above 12 tells, or they are refused."""
    delimiter: str | None = None
    """Between the columns of a CSV; None: the commonest of comma, semicolon, tab and bar in its first line."""
    decimal: str | None = None
    """What stands before the decimals of a number, `.` or `,`; the other may then part its thousands. None: a dot, and
    a text that may be thousands, such as 1.000, is refused."""
    rows_path: str | None = None
    """Where the rows of a file of JSON are, such as `data[].results[]`: the elements of that list, each with what
    stands above it. None: the one list whose elements have all the columns, where there is one."""
    totals: tuple[str, ...] = ()
    """Totals that a file of JSON says itself, each with the column that it sums, such as `totals.cost=cost`."""
    reader: Literal["codex", "otel"] | None = None
    """Who makes rows of a file of JSON that has none: where several lines tell a call, or a value its own name."""
    aliases: tuple[str, ...] = ()
    """What the file's own words mean, such as `Azure=openai`: read, in any case, where a provider, a proxy or a task
    type of that name is asked for. With nothing on the right, the word says as much as an empty text."""
    makers: tuple[str, ...] = ()
    """Whose a model is by its name, such as `claude*=anthropic`: with neither `provider` nor its column, the first that
    fits, in any case (`*` is any text)."""
    sellers: tuple[str, ...] = ()
    """Through whom it was called by its name, such as `bedrock/*=bedrock`, with neither `proxy` nor its column."""
    optional: tuple[str, ...] = ()
    """Columns that a file may lack: each is then empty in all rows."""
    preset: str | None = None
    """The preset that said how to read the file, if one did; it is no part of what the file means."""
    evidence: str | None = None
    """How well that preset knows it: `documented`, seen in `samples`, or told by the `rows`."""
    rules: int = RULES
    """Those of the flexlib that first imported the file, 1 up to 0.2.0; no part of what the file means."""

    def __post_init__(self) -> None:
        if "provider" in self.told_by_model and self.model_column is None:
            raise BadParameter(_("whose model was called? Name a provider ({llmprovider}) or the column that does.")
                .format(llmprovider=', '.join(LlmProvider)))  # fmt: skip
        if not self.model and self.model_column is None:
            raise BadParameter(_("which model was called? Name it, or the column that does."))
        is_text = self.task_type_column is not None or self.task_type is LlmTaskType.TEXT
        if self.prompt_tokens is None and (is_text or self.task_type.uses_token_pricing):
            raise BadParameter(_("which column holds the prompt tokens? Only images, audio and video go without."))
        if self.completion_tokens is None and is_text:
            raise BadParameter(_("which column holds the completion tokens? Only tasks other than text go without."))
        usable = self.usable_id or self.usable_key
        if usable and not (self.usable_type or self.usable_type_column):
            raise BadParameter(_("what is {name!r} the id of? Name the usable type, such as user.").format(name=usable))
        if self.grain not in GRAINS:
            raise BadParameter(_("a row stands for a call, an hour, a day or a month, not for {grain!r}.")
                .format(grain=self.grain))  # fmt: skip
        if self.requests and self.grain == "call":
            raise BadParameter(_("of what are the {requests!r} of a row? Give the grain: hour, day or month.")
                .format(requests=self.requests))  # fmt: skip
        if self.delimiter is not None and len(self.delimiter) != 1:
            raise BadParameter(_("the delimiter must be one character, not {name!r}.").format(name=self.delimiter))
        if self.decimal not in (None, ".", ","):
            raise BadParameter(_("what stands before decimals must be . or , and not {it!r}.").format(it=self.decimal))
        check_choices(self)
        read_aliases(self.aliases)
        read_members("provider", self.makers)
        read_members("proxy", self.sellers)
        read_extra_counts(self.extra_counts)
        if wrong := [one for one in self.totals if not all(one.partition("="))]:
            raise BadParameter(_("{wrong!r} is no total; write PATH=COLUMN, such as totals.cost=cost.")
                .format(wrong=wrong[0]))  # fmt: skip
        list_columns((*self.where, *self.not_billed, *self.billed, *self.direct), self.no_calls)  # refuses other texts

    @property
    def told_by_model(self) -> set[str]:
        """The members that nothing but the name of a model can tell."""
        names = ("provider", "proxy") if self.sellers else ("provider",)
        return {name for name in names if not (getattr(self, name) or getattr(self, f"{name}_column"))}

    @cached_property
    def columns(self) -> dict[str, str]:
        """The column of each field that has one, in the order of `FIELDS`."""
        names = {field: f"{field}_column" if hasattr(self, f"{field}_column") else field for field in FIELDS}
        found = {field: getattr(self, name, None) for field, name in names.items()}
        found |= {name: name for name in self.lifted} | read_extra_counts(self.extra_counts)
        return {field: column for field, column in found.items() if column is not None}

    @property
    def conditions(self) -> list[str]:
        """The columns that conditions ask for, and more tiers."""
        asked = list_columns((*self.where, *self.not_billed, *self.billed, *self.direct), self.no_calls)
        return list(dict.fromkeys([*asked, *self.tier_columns]))

    @property
    def asked(self) -> AskedColumns:
        """What it asks of the rows of a JSON."""
        columns, optional = self.columns, frozenset(self.optional)
        counts = frozenset(column for name, column in columns.items() if name in SUMMED and name != "duration_ms")
        needed = frozenset(columns.values()) - optional
        asked = (*columns.values(), *self.metadata, *self.conditions)
        more = (self.created_at, self.ended_at or "", dict(one.split("=", 1) for one in self.totals))
        return AskedColumns(asked, counts, needed, self.rows_path, self.reader, optional, *more)

    @property
    def lifted(self) -> set[str]:
        """Fields that a column of the metadata feeds by its name."""
        fed = read_extra_counts(self.extra_counts) | ({"tier": self.tier} if self.tier else {})
        return {name for name in ("tier", *EXTRA_COUNTS) if name in self.metadata and name not in fed}

    def describe(self) -> dict[str, Any]:
        """All that differs from the defaults, in the types of JSON: kept in the certificate."""
        unsaid = ("preset", "evidence", "rules", "ended_at", "parent_id", "totals")
        said = [field for field in fields(self) if field.name not in unsaid]
        values = {field.name: (getattr(self, field.name), field.default) for field in said}
        told = {name: value for name, (value, default) in values.items() if value != default}
        for name in ("cache", "reasoning"):  # as files were read before anyone asked; their calls keep their ids
            if told.get(name) == "included":
                del told[name]
        texts = {name: list(value) if isinstance(value, tuple) else str(value) for name, value in told.items()}
        if self.aliases:  # their order and their case say nothing
            several = read_aliases(self.aliases).values()
            texts["aliases"] = sorted({f"{word}={name}" for words in several for word, name in words.items()})
        if self.extra_counts:
            texts["extra_counts"] = sorted(set(texts["extra_counts"]))
        asks = {"where", "no_calls", "not_billed", "billed", "direct"} & texts.keys()
        return texts | {name: list(map(hide_emails, texts[name])) for name in asks}
