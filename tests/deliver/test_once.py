"""None twice, none lost unsaid: whatever servers do, whenever a run is killed, however many run at once."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import time, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from notice_samples import HTTP_FAULTS, NOON, OPENAI, SECRET, SMTP_FAULTS, Script, rule, serve_script

from flexlib.addresses import NoticeServers
from flexlib.deliver import mail, webhook
from flexlib.deliver.claims import CLAIMS, NOTICES, Claims, Fate, Message
from flexlib.deliver.delivery import plan_notices, tell
from flexlib.deliver.due import Times
from flexlib.deliver.rules import Rule
from flexlib.errors import BadFile, DiskFailed, InvalidRequest
from flexlib.store.outbox import OUTBOX, Standing, list_standings, put_standing

RULES = [rule("email", "finance@example.com", "ana@example.com"), rule("webhook", "ops")]
OTHER = replace(OPENAI, budget="other", of=("anthropic",))
TELL = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from pathlib import Path
from notice_samples import NOON, OPENAI, rule
from flexlib.addresses import MailServer, NoticeServers
from flexlib.deliver.delivery import tell
servers = NoticeServers(MailServer("127.0.0.1", int(sys.argv[2]), "smtp+plain", "flexlib@example.com"))
print("ready", flush=True)
sys.stdin.readline()
_, told = tell([rule("email", "finance@example.com")], [OPENAI], Path(sys.argv[1]), servers, now=NOON)
print(*(one.fate for one in told), flush=True)
"""


class Killed(BaseException):
    """A run that ends where it is, as by SIGKILL: nothing of it comes after."""


@pytest.fixture(autouse=True, scope="module")
def hurry() -> Iterator[None]:
    with patch.multiple(mail, READ=0.05, CONNECT=0.3), patch.multiple(webhook, READ=0.05, PAUSE=0.001):
        yield


class Watched(Claims):
    """Claims of which the test knows every message, and which may be killed right before what is told is stored."""

    messages: dict[str, Message]
    deaths: list[bool]

    def take(self, now: object, of: object = None) -> Iterator[Message]:
        for one in super().take(now, of):  # type: ignore[arg-type]
            self.messages[one.id] = one
            yield one

    def mark(self, *arguments: object, **others: object) -> Message:
        if self.deaths and self.deaths.pop(0):
            raise Killed
        return super().mark(*arguments, **others)  # type: ignore[arg-type]


RUNS = st.lists(
    st.tuples(
        st.sampled_from([[], [OPENAI], [replace(OPENAI, spent=Decimal(230), outcome="near"), OTHER], [OPENAI, OTHER]]),
        st.lists(st.sampled_from(SMTP_FAULTS), max_size=3),
        st.lists(st.sampled_from(HTTP_FAULTS), max_size=3),
        st.lists(st.booleans(), max_size=3),
        st.booleans(),
    ),
    min_size=1,
    max_size=4,
)  # fmt: skip


@settings(max_examples=60)
@given(runs=RUNS)
def test_whatever_fails_each_notice_arrives_once_or_is_said_not_to_be_known(
    runs: list[tuple[Any, ...]],
) -> None:
    with TemporaryDirectory() as folder, ExitStack() as opened:
        posts, hooks = (opened.enter_context(serve_script(kind)) for kind in ("smtp", "http"))
        Watched.messages, Watched.deaths = {}, []
        opened.enter_context(patch("flexlib.deliver.delivery.Claims", Watched))
        wanted = set()
        # At last servers that take all, and nothing new.
        for standings, posted, hooked, deaths, is_left in [*runs, ([], [], [], [], False)]:
            posts.faults[:], hooks.faults[:], Watched.deaths = posted, hooked, list(deaths)
            wanted |= {(one, event) for one in standings for event in RULES[0].list_events(one)}
            for one in standings if is_left else []:  # by a guard, instead of found by a look at budgets
                put_standing(Path(folder), one, 100 if one.outcome == "over" else 75)
            try:
                run_once(Path(folder), [] if is_left else standings, posts, hooks)
            except Killed:
                continue
        fates = {
            claim.key: (message.fate, claim)
            for message in Claims(Path(folder)).list_messages(*Fate)
            for claim in message.claims
        }
        arrived = Counter(claim.key for script in (posts, hooks) for name in script.ids
                          for claim in Watched.messages[name].claims)  # fmt: skip
    told = {(claim.standing.identity, claim.event) for _, claim in fates.values()}
    assert told == {(one.identity, event) for one, event in wanted}
    assert len(fates) == 3 * len(told)  # for each reader
    for key, (fate, claim) in fates.items():
        assert fate in (Fate.SENT, Fate.UNKNOWN), claim
        assert arrived[key] == 1 if fate is Fate.SENT else arrived[key] <= 1, claim


def run_once(root: Path, standings: list[Standing], posts: Script, hooks: Script) -> None:
    servers = NoticeServers(posts.mail_server, (("ops", hooks.url),), SECRET)
    tell(RULES, standings, root, servers, now=NOON)


def start(root: Path, script: Script) -> subprocess.Popen[str]:
    """A process that tells finance once it is sent a line."""
    return subprocess.Popen([sys.executable, "-W", "error", "-c", TELL, str(root), str(script.port)],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # fmt: skip


@pytest.mark.parametrize("fault", ["taken, no answer", "no answer at rcpt"])
def test_what_a_killed_process_was_sending_is_not_known_and_not_sent_again(tmp_path: Path, fault: str) -> None:
    """SIGKILL when the server has the mail, or just before."""
    with serve_script("smtp", fault) as script, start(tmp_path, script) as process:
        print(file=process.stdin, flush=True)
        if fault.startswith("taken"):
            assert script.has_message.wait(30)
        else:
            while script.faults:
                assert process.poll() is None
        process.kill()
        assert process.wait() < 0
        servers = NoticeServers(script.mail_server)
        (left,) = tell([rule()], [OPENAI], tmp_path, servers, now=NOON)[1]
        assert (left.fate, len(script.taken), left.trouble) == (Fate.UNKNOWN, int(fault.startswith("taken")), "")


def test_of_runs_at_once_one_tells(tmp_path: Path) -> None:
    with serve_script("smtp") as script, ExitStack() as opened:
        runs = [opened.enter_context(start(tmp_path, script)) for _ in range(3)]
        for one in runs:
            assert one.stdout is not None
            one.stdout.readline()
        for one in runs:
            print(file=one.stdin, flush=True)
        assert sorted(one.communicate()[0].strip() for one in runs) == ["", "", "sent"]
        assert len(script.taken) == 1


def test_what_is_left_to_be_told_is_told_once_and_taken_away(tmp_path: Path) -> None:
    """As a guard leaves it at the moment a threshold is passed, in many threads."""
    with ThreadPoolExecutor(8) as pool:
        left = list(pool.map(lambda _: put_standing(tmp_path, OPENAI, 90), range(40)))
    assert left.count(True) >= 1
    assert put_standing(tmp_path, replace(OPENAI, spent=Decimal(500)), 90) is False
    put_standing(tmp_path, OPENAI, 100)
    files = list((tmp_path / OUTBOX).iterdir())
    assert [file.stat().st_mode & 0o777 for file in files] == [0o600] * 2
    assert (tmp_path / OUTBOX).stat().st_mode & 0o777 == 0o700
    assert list(list_standings(tmp_path).values()) == [OPENAI] * 2
    with serve_script("smtp") as script:
        servers = NoticeServers(script.mail_server)
        (told,) = tell([rule()], [], tmp_path, servers, now=NOON)[1]
        assert (told.fate, len(script.taken), list_standings(tmp_path)) == (Fate.SENT, 1, {})
        put_standing(tmp_path, OPENAI, 90)  # by a guard that has forgotten
        assert tell([rule()], [], tmp_path, servers, now=NOON)[1] == []
    next(iter(files)).write_text("{}")
    with pytest.raises(BadFile, match="cannot be read; move it away"):
        list_standings(tmp_path)


def test_what_waits_goes_as_one_message_when_it_is_due(tmp_path: Path) -> None:
    """One event at 10:00, another at 11:00: one mail at noon."""
    noon = rule(times=Times(digest=time(12)))
    with serve_script("smtp") as script:
        servers = NoticeServers(script.mail_server)
        for hours, standing in ((2, OPENAI), (1, OTHER)):
            (told,) = tell([noon], [standing], tmp_path, servers, now=NOON - timedelta(hours=hours))[1]
            assert (told.fate, script.taken) == (Fate.WAITING, [])
        (told,) = tell([noon], [], tmp_path, servers, now=NOON)[1]
        assert (told.fate, len(script.taken)) == (Fate.SENT, 1)
        assert {one.standing.budget for one in told.claims} == {"OpenAI", "other"}


QUIET = rule(times=Times(quiet=(time(20), time(8))))


def test_hours_of_quiet_are_kept_by_a_run_that_is_late_and_by_one_that_tries_again(tmp_path: Path) -> None:
    """Come up at 19:00, refused then; a run at 23:00, one that was late, and one at 8:00."""
    evening = NOON + timedelta(hours=7)
    with serve_script("smtp", "rcpt 450") as script:
        servers = NoticeServers(script.mail_server)
        (told,) = tell([QUIET], [OPENAI], tmp_path, servers, now=evening)[1]
        assert told.fate is Fate.FAILED
        # Of another the run was killed before it sent.
        Claims(tmp_path).add(plan_notices([QUIET], [OTHER], evening).claims, evening)
        told_late = tell([QUIET], [], tmp_path, servers, now=evening + timedelta(hours=4))[1]
        assert ({one.fate for one in told_late}, script.taken) == ({Fate.FAILED, Fate.WAITING}, [])
        assert {one.due for each in told_late for one in each.claims} == {evening + timedelta(hours=13)}
        (told,) = tell([QUIET], [], tmp_path, servers, now=evening + timedelta(hours=13))[1]
        assert (told.fate, len(script.taken), len(told.claims)) == (Fate.SENT, 1, 6)
        # Whoever needs no quiet any more gets what comes up at once.
        (told,) = tell([rule()], [replace(OTHER, budget="third")], tmp_path, servers, now=evening)[1]
        assert told.fate is Fate.SENT


def test_the_key_of_a_mail_that_grew_since_settles_what_was_in_it(tmp_path: Path) -> None:
    with serve_script("smtp", "rcpt 450", "rcpt 450") as script:
        servers, claims = NoticeServers(script.mail_server), Claims(tmp_path)
        (first,) = tell([rule()], [OPENAI], tmp_path, servers, now=NOON)[1]
        (grown,) = tell([rule()], [OTHER], tmp_path, servers, now=NOON)[1]
        assert (len(first.claims), len(grown.claims), first.id == grown.id) == (3, 6, False)
        found = claims.find_open(first.id[:12])
        assert {one.key for one in found.claims} == {one.key for one in first.claims}
        claims.mark(found, Fate.SETTLED, NOON)
        (told,) = tell([rule()], [], tmp_path, servers, now=NOON)[1]
        assert (told.fate, {one.standing.budget for one in told.claims}) == (Fate.SENT, {"other"})
        with pytest.raises(InvalidRequest, match="is the key of no single notice whose fate is open"):
            claims.find_open(first.id[:12])


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Two files of rules that are there."""
    found = [tmp_path / name for name in ("ours.yaml", "theirs.yaml")]
    for one in found:
        one.touch()
    return found


@pytest.mark.parametrize(
    ("after", "withdrawn"),
    [
        ([QUIET], []),
        ([rule(times=QUIET.times, at=(50,))], []),  # other thresholds, the same reader
        ([rule("slack", "finance")], ["OpenAI", "other"]),
        ([rule("email", "new@example.com")], ["OpenAI", "other"]),
        ([replace(QUIET, budgets=("other",))], ["OpenAI"]),
        ([replace(QUIET, scopes=("team",))], ["OpenAI", "other"]),
    ],
)
def test_what_waits_is_withdrawn_of_the_budgets_of_which_no_rule_tells_its_reader_any_more(
    tmp_path: Path, files: list[Path], after: list[Rule], withdrawn: list[str]
) -> None:
    evening, servers = NOON + timedelta(hours=9), NoticeServers(None)
    tell([QUIET], [OPENAI, OTHER], tmp_path, servers, now=evening, file=files[0])
    told = tell(after, [], tmp_path, servers, now=evening, file=files[0])[1]
    found = {fate: {claim.standing.budget for one in told if one.fate is fate for claim in one.claims} for fate in Fate}
    assert sorted(found[Fate.WITHDRAWN]) == withdrawn
    assert sorted(found[Fate.WAITING]) == [one for one in ("OpenAI", "other") if one not in withdrawn]


def test_of_several_files_of_rules_each_withdraws_its_own_and_what_two_name_the_last_one(
    tmp_path: Path, files: list[Path]
) -> None:
    """Of OpenAI both tell finance; a file that is gone names nobody."""
    ours, theirs = files
    evening, servers = NOON + timedelta(hours=9), NoticeServers(None)
    both, gone = [rule(times=QUIET.times)], [rule("slack", "ops")]

    def list_withdrawn(rules: list[Rule], standings: list[Standing], file: Path) -> list[str]:
        told = tell(rules, standings, tmp_path, servers, now=evening, file=file)[1]
        lost = [one for one in told if one.fate is Fate.WITHDRAWN and one.channel == "email"]
        return sorted({each.standing.budget for one in lost for each in one.claims})

    assert list_withdrawn(both, [OPENAI], ours) == []
    assert list_withdrawn(both, [OPENAI, OTHER], theirs) == []
    assert list_withdrawn(gone, [], ours) == []
    theirs.unlink()
    assert list_withdrawn(gone, [], ours) == ["OpenAI", "other"]
    assert list_withdrawn(both, [], ours) == []  # finance is told again what Slack was not
    assert list_withdrawn(gone, [], ours) == ["OpenAI", "other"]


def test_what_a_flexlib_of_before_left_is_withdrawn_by_no_file_that_has_not_named_it(
    tmp_path: Path, files: list[Path]
) -> None:
    """It stored no file; the first that runs after the upgrade may be another's."""
    ours, theirs = files
    evening, servers = NOON + timedelta(hours=9), NoticeServers(None)
    tell([QUIET], [OPENAI], tmp_path, servers, now=evening)
    runs = [
        (theirs, rule("slack", "ops"), Fate.WAITING),
        (ours, QUIET, Fate.WAITING),
        (theirs, rule("slack", "ops"), Fate.WAITING),
        (ours, rule("slack", "ops"), Fate.WITHDRAWN),
    ]
    for file, one, fate in runs:
        told = tell([one], [], tmp_path, servers, now=evening, file=file)[1]
        assert {message.fate for message in told if message.channel == "email"} == {fate}


def test_what_may_have_been_sent_stays_whoever_the_rules_name(tmp_path: Path, files: list[Path]) -> None:
    with serve_script("smtp", "taken, then closed") as script:
        servers = NoticeServers(script.mail_server)
        for rules in ([rule()], [rule("slack", "ops")]):
            told = tell(rules, [OPENAI], tmp_path, servers, now=NOON, file=files[0])[1]
            assert [one.fate for one in told if one.channel == "email"] == [Fate.UNKNOWN]


def test_what_was_claimed_for_an_owner_stays_where_none_is_known_today(tmp_path: Path, files: list[Path]) -> None:
    """As in a run without the organization's file; another owner since, and the one of before is told no more."""
    team, servers = replace(OPENAI, scope="team", of=("Payments",)), NoticeServers(None)
    owned = [rule("email", "owner", times=QUIET.times)]
    evening = NOON + timedelta(hours=9)
    owners = {"a@example.com": Fate.WAITING, None: Fate.WAITING, "b@example.com": Fate.WITHDRAWN}
    for owner, fate in owners.items():
        find_owner = {team: owner}.get
        told = tell(owned, [team], tmp_path, servers, find_owner=find_owner, now=evening, file=files[0])[1]
        assert [one.fate for one in told if one.recipient == "a@example.com"] == [fate]


@pytest.mark.parametrize("is_named_elsewhere", [False, True])
def test_whom_the_rules_name_instead_is_told_what_its_reader_of_before_was_not(
    tmp_path: Path, files: list[Path], is_named_elsewhere: bool
) -> None:
    """By a run that finds nothing new; also where another file of rules still tells the reader of before."""
    ours, theirs = files
    ana, bob = rule("email", "ana@example.com"), rule("email", "bob@example.com")
    tell([ana], [OPENAI], tmp_path, NoticeServers(None), now=NOON, file=ours)
    if is_named_elsewhere:
        tell([ana], [], tmp_path, NoticeServers(None), now=NOON, file=theirs)
    with serve_script("smtp") as script:
        servers, told = NoticeServers(script.mail_server), list[list[tuple[str, Fate, int]]]()
        for file in (ours, ours, theirs):
            found = tell([bob if file == ours else ana], [], tmp_path, servers, now=NOON, file=file)[1]
            told.append(sorted((one.recipient, one.fate, len(one.claims)) for one in found))
    of_ana = Fate.SENT if is_named_elsewhere else Fate.WITHDRAWN
    assert told == [[("ana@example.com", of_ana, 3), ("bob@example.com", Fate.SENT, 3)], [], []]
    assert len(script.taken) == 1 + is_named_elsewhere


def test_the_owner_of_today_is_told_what_the_one_of_before_was_not(tmp_path: Path, files: list[Path]) -> None:
    team, owned = replace(OPENAI, scope="team", of=("Payments",)), [rule("email", "owner")]
    tell(owned, [team], tmp_path, NoticeServers(None), find_owner=lambda _: "a@example.com", now=NOON, file=files[0])
    with serve_script("smtp") as script:
        servers, now = NoticeServers(script.mail_server), NOON
        for fates in ({"a@example.com": Fate.WITHDRAWN, "b@example.com": Fate.SENT}, {}):
            told = tell(owned, [], tmp_path, servers, find_owner=lambda _: "b@example.com", now=now, file=files[0])[1]
            assert {one.recipient: one.fate for one in told} == fates
    assert len(script.taken) == 1


def test_claims_of_a_flexlib_of_before_are_read_and_told(tmp_path: Path) -> None:
    claims = Claims(tmp_path)
    claims.add(plan_notices([rule()], [OPENAI], NOON).claims, NOON)
    with closing(sqlite3.connect(tmp_path / NOTICES / CLAIMS)) as base:
        for name in ("quiet", "names"):
            base.execute(f"ALTER TABLE claims DROP COLUMN {name}")
        base.commit()
    (waiting,) = claims.list_messages(Fate.WAITING)
    with serve_script("smtp") as script:
        (told,) = tell([], [], tmp_path, NoticeServers(script.mail_server), now=NOON)[1]
    assert (told.fate, told.claims[0].key) == (Fate.SENT, waiting.claims[0].key)


def test_a_raised_budget_is_another_one_and_its_thresholds_are_told_anew(tmp_path: Path) -> None:
    with serve_script("smtp") as script:
        servers = NoticeServers(script.mail_server)
        for amount, count in ((OPENAI.amount, 1), (Decimal("300.0"), 1), (Decimal(400), 2)):
            raised = replace(OPENAI, amount=amount, outcome="near")
            tell([rule()], [raised], tmp_path, servers, now=NOON)
            assert len(script.taken) == count


def test_where_no_claim_can_be_stored_nothing_is_sent(tmp_path: Path) -> None:
    (tmp_path / "notices").mkdir()
    (tmp_path / "notices" / "claims.sqlite").write_bytes(b"no database" * 100)
    with serve_script("smtp") as script:
        with pytest.raises(DiskFailed, match="nothing more is sent"):
            tell([rule()], [OPENAI], tmp_path, NoticeServers(script.mail_server), now=NOON)
        assert script.asked == []


def test_the_claims_are_their_owners_alone(tmp_path: Path) -> None:
    os.umask(os.umask(0))
    with serve_script("smtp") as script:
        tell([rule()], [OPENAI], tmp_path, NoticeServers(script.mail_server), now=NOON)
    assert (tmp_path / "notices" / "claims.sqlite").stat().st_mode & 0o777 == 0o600
