"""The file that says who belongs where: read as a personnel department gives it, refused with a line for each fault."""

from __future__ import annotations

import os
import random
import re
import sys
import zipfile
from datetime import date
from fractions import Fraction
from hashlib import sha256
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from marked_language import Marked
from xlsxwriter import Workbook

from flexlib import i18n
from flexlib.addresses import hide_email
from flexlib.analysis.chargeback import LineKind
from flexlib.analysis.small_groups import SMALL_GROUPS
from flexlib.errors import BadFile, ExtraMissing
from flexlib.i18n import speak
from flexlib.sources.files.rows import MACROS
from flexlib.store.membership import LEVELS, NOWHERE, Held, Place, write_key
from flexlib.store.organization import read_organization
from flexlib.store.place_names import OWN_LINES
from flexlib.store.roster import _KNOWN, COLUMNS, _name_columns, simplify_text

ANA = write_key("person", "ana@example.com")
ALWAYS = (date.min, date.max)


def write(folder: Path, text: str, name: str = "people.csv") -> Path:
    file = folder / name
    file.write_text(text, "utf-8")
    return file


def hold(folder: Path, text: str) -> tuple[Held, ...]:
    """What the lines of a file say of Ana."""
    return read_organization(write(folder, text)).held[ANA]


def whole(department: str, **others: str) -> tuple[tuple[Fraction, Place], ...]:
    return ((Fraction(1), Place(department, **others)),)


def test_a_person_belongs_to_what_its_line_says_from_day_to_day(tmp_path: Path) -> None:
    assert hold(tmp_path, """\
person,department,team,project,cost_centre,from,until
Ana@Example.com,Platform,Search,Atlas,CC-10,,2025-09-14
ana@example.com,Data,,,,2025-09-15,
""") == (
        Held(date.min, date(2025, 9, 14), whole("Platform", team="Search", project="Atlas", cost_centre="CC-10")),
        Held(date(2025, 9, 15), date.max, whole("Data")),
    )  # fmt: skip


SPANISH = """\
correo electrónico;Departamento;Equipo;Proyecto;Centro de costo;Desde;Hasta;Porcentaje;Nombre
ana@example.com;Operación;Búsqueda;Atlas;CC-10;01/03/2025;31-12-2025;33,5 %;Ana
ana@example.com;Operación;Búsqueda;Faro;CC-10;01/03/2025;31-12-2025;66,5;Ana
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_a_file_is_read_as_an_office_in_chile_writes_it(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "nómina.csv"
    file.write_bytes(SPANISH.encode(encoding).replace(b"\n", b"\r\n"))
    found = read_organization(file)
    assert found.held[ANA] == (
        Held(
            date(2025, 3, 1),
            date(2025, 12, 31),
            (
                (Fraction("0.665"), Place("Operación", "Búsqueda", "Faro", "CC-10")),
                (Fraction("0.335"), Place("Operación", "Búsqueda", "Atlas", "CC-10")),
            ),
        ),
    )
    assert any("not in UTF-8" in note for note in found.notes) == (encoding == "cp1252")


def write_sheet(file: Path, rows: list[list[str | float]]) -> None:
    """A workbook of one sheet, as the least that Excel opens."""
    cells = "".join(
        f'<row r="{number}">'
        + "".join(
            f'<c t="inlineStr"><is><t>{one}</t></is></c>' if isinstance(one, str) else f"<c><v>{one}</v></c>"
            for one in row
        )
        + "</row>"
        for number, row in enumerate(rows, start=1)
    )
    main, link = (f"http://schemas.openxmlformats.org/{part}" for part in (
        "spreadsheetml/2006/main", "officeDocument/2006/relationships"))  # fmt: skip
    package = "http://schemas.openxmlformats.org/package/2006"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types"><Default Extension="xml" '
        'ContentType="application/xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" '
        f'Type="{link}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{link}"><sheets><sheet name="People" sheetId="1" '
        'r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" '
        f'Type="{link}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{cells}</sheetData></worksheet>',
    }
    with zipfile.ZipFile(file, "w") as book:
        for name, text in parts.items():
            book.writestr(name, text)


def test_a_sheet_of_excel_says_the_same_as_its_csv(tmp_path: Path) -> None:
    write_sheet(tmp_path / "people.xlsx", [
        ["Persona", "Departamento", "Proyecto", "Desde", "Porcentaje"],
        ["ana@example.com", "Data", "A", "2025-03-01", 0.07],
        ["ana@example.com", "Data", "B", "2025-03-01", 0.93],
    ])  # fmt: skip
    of_csv = hold(tmp_path, "who,department,project,from,share\n"
                            "ana@example.com,Data,B,2025-03-01,93\nana@example.com,Data,A,2025-03-01,7\n")  # fmt: skip
    assert read_organization(tmp_path / "people.xlsx").held[ANA] == of_csv


def test_a_title_above_the_column_names_is_no_line(tmp_path: Path) -> None:
    """Merged over the columns, a title is one cell; lines keep their numbers."""
    write_sheet(tmp_path / "people.xlsx", [
        ["Dotación de septiembre 2025", "", ""], ["", "", ""], ["Recursos Humanos"],
        ["Correo electrónico", "Departamento", "Equipo"], ["ana@example.com", "Data", ""],
    ])  # fmt: skip
    found = read_organization(tmp_path / "people.xlsx")
    assert [(one.line, one.who, one.place.department) for one in found.memberships] == [(5, "ana@example.com", "Data")]
    assert any("above the column names of line 4" in note for note in found.notes)
    csv = write(tmp_path, "Dotación de septiembre\n\npersona;departamento\nana@example.com;Data\n")
    assert [one.line for one in read_organization(csv).memberships] == [4]
    of_comma = write(tmp_path, 'Dotación, septiembre de 2025\n"Persona";departamento\nana@example.com;Data\n')
    assert [one.line for one in read_organization(of_comma).memberships] == [3]
    with pytest.raises(BadFile, match="line 2 of .*: 'RUT' is no column of an organization"):
        read_organization(write(tmp_path, "Dotación\npersona,RUT\nana@example.com,1-9\n"))
    with pytest.raises(BadFile, match="line 1 of .*: 'people' is no column of an organization"):
        read_organization(write(tmp_path, "people\nana@example.com\n"))


def test_a_title_of_several_cells_and_an_empty_first_column_are_told_from_the_names(tmp_path: Path) -> None:
    write_sheet(tmp_path / "people.xlsx", [
        ["Dotación", "septiembre", "2025"], ["", "# una nota"],
        ["", "Correo electrónico", "Departamento"], ["", "ana@example.com", "Data"], ["", "# ben", "se fue"],
    ])  # fmt: skip
    found = read_organization(tmp_path / "people.xlsx")
    assert [(one.line, one.who, one.place.department) for one in found.memberships] == [(4, "ana@example.com", "Data")]
    assert any("above the column names of line 3" in note for note in found.notes)
    with pytest.raises(BadFile, match="line 2 of .*: 'RUT' is no column of an organization"):
        read_organization(write(tmp_path, ",,Dotación,septiembre\n,persona,RUT\n,ana@example.com,1-9\n"))
    with pytest.raises(BadFile, match="line 3 of .*: it has text in a column without a name; name that column"):
        read_organization(write(tmp_path, ",persona,,equipo\n,ana@example.com,,A\n,ben@example.com,5,A\n"))
    with pytest.raises(BadFile, match="line 2 of .*: it has more cells than the 2 column names"):
        read_organization(write(tmp_path, ",persona,equipo\n,ana@example.com,A,5\n"))


@pytest.mark.parametrize("foot", ["Total", "TOTALES", "Total general", "Subtotal:", "Total: 1", "Gran total", "Suma"])
def test_the_sum_at_the_foot_is_nobody(tmp_path: Path, foot: str) -> None:
    with pytest.raises(BadFile, match=r"line 3 of .*: '.*' is a sum, and nobody; delete this line"):
        read_organization(write(tmp_path, f"who,department\nana@example.com,Data\n{foot},1\n"))


def test_somebody_whose_name_begins_like_a_sum_is_no_sum(tmp_path: Path) -> None:
    file = write(tmp_path, "who,kind,department\ntotal@example.com,,A\ntotalplay,,A\nTotal,team,A\n")
    assert [one.who for one in read_organization(file).memberships] == ["total@example.com", "totalplay", "Total"]


@pytest.mark.parametrize("name", ["Unmapped", "unmapped", "SMALL GROUPS", "Sin asignar", "Grupos peque\u00f1os",
                                  "Billed beside the calls", "En ning\u00fan departamento", "in no team"])  # fmt: skip
@pytest.mark.parametrize("level", LEVELS)
def test_no_department_is_called_as_a_line_that_flexlib_makes_itself(tmp_path: Path, level: str, name: str) -> None:
    """In a chargeback nobody could tell the two apart."""
    said = "as flexlib calls a line of its own; leave it empty, or name it otherwise"
    with pytest.raises(BadFile, match=f"line 3 of .*: {level} is '{name}', {said}"):
        read_organization(write(tmp_path, f"who,{level}\nana@example.com,Data\nben@example.com,{name}\n"))
    with pytest.raises(BadFile, match="line 2 of .*: team is 'Unmapped', as flexlib calls"):
        read_organization(write(tmp_path, "who,kind,department\nUnmapped,team,Data\n"))


def test_names_of_its_own_lines_are_read_anew_for_each_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kept from one reading to the next, they were those of the language of tests when a run began with it."""
    file = write(tmp_path, "who,department\nana@example.com,Sin asignar\n")
    with monkeypatch.context() as marked:
        marked.setattr(i18n, "_find_translations", Marked)
        read_organization(file)
    with pytest.raises(BadFile, match="department is 'Sin asignar', as flexlib calls a line of its own"):
        read_organization(file)


def test_the_lines_that_flexlib_makes_are_called_as_no_department_may_be() -> None:
    assert {*OWN_LINES} == {LineKind.UNMAPPED, LineKind.BESIDE, SMALL_GROUPS, *NOWHERE.values()}


def write_book(file: Path, sheets: dict[str, list[list[str]]]) -> Path:
    with Workbook(file) as book:
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row)
    return file


NAMES, ROW = ["persona", "departamento"], ["ana@example.com", "Data"]


@pytest.mark.parametrize("second", [[NAMES, ["ben@example.com", "Data"]], [["ben@example.com", "Data"]]])
def test_a_second_sheet_of_people_is_never_passed_over(tmp_path: Path, second: list[list[str]]) -> None:
    file = write_book(tmp_path / "people.xlsx", {"Santiago": [NAMES, ROW], "Lima": second})
    with pytest.raises(BadFile, match="the sheets 'Santiago' and 'Lima' hold people, and only one can be read"):
        read_organization(file)


def test_the_sheet_of_people_is_read_wherever_it_stands_and_the_others_are_named(tmp_path: Path) -> None:
    file = write_book(
        tmp_path / "people.xlsx", {"Empty": [], "About": [["Ask hr@example.com"]], "People": [NAMES, ROW]}
    )
    found = read_organization(file)
    assert [one.who for one in found.memberships] == ["ana@example.com"]
    assert [note.partition(": ")[2] for note in found.notes if "only the sheet" in note] == [
        "only the sheet 'People' was read; the sheet 'About' has text, too, but no columns of people."
    ]
    alone = read_organization(write_book(tmp_path / "people.xlsx", {"Empty": [], "People": [NAMES, ROW]}))
    assert not any("only the sheet" in note for note in alone.notes)


def test_a_fault_of_a_sheet_has_its_row_and_empty_columns_beside_it_are_none(tmp_path: Path) -> None:
    write_sheet(tmp_path / "people.xlsx", [["Persona", "Equipo", ""], ["ana@example.com", "Data", ""], ["ben", "", ""]])
    with pytest.raises(BadFile, match="line 3 of .*: it names no department"):
        read_organization(tmp_path / "people.xlsx")


def test_without_its_library_a_sheet_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    with pytest.raises(ExtraMissing, match=re.escape("pip install 'flexlib[excel]'")):
        read_organization(write(tmp_path, "", "people.xlsx"))


def test_remarks_and_blank_lines_are_no_lines_wherever_they_stand(tmp_path: Path) -> None:
    text = "\n# who belongs; where\n#a,b\n\nwho,department\n#ben@example.com,Sales\n\nana@example.com,Data #1\n"
    (found,) = read_organization(write(tmp_path, text)).memberships
    assert (found.line, found.place.department) == (8, "Data #1")


def test_what_excel_calls_unicode_text_is_refused_with_what_to_save(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_bytes("who,department\nana@example.com,Data\n".encode("utf-16"))
    with pytest.raises(BadFile, match="save it as CSV UTF-8, or as .xlsx"):
        read_organization(file)


@pytest.mark.parametrize(("first", "last", "read"), [
    ("2025-03-01", "", (3, 1)),
    ("03/01/2025", "12/13/2025", (3, 1)),  # the second number is above 12: a day
    ("03/01/2025", "13/12/2025", (1, 3)),
    ("3-1-2025", "31.12.9999", (1, 3)),
])  # fmt: skip
def test_which_number_of_a_date_is_the_day_the_file_itself_proves(
    tmp_path: Path, first: str, last: str, read: tuple[int, int]
) -> None:
    (held,) = hold(tmp_path, f"who,department,from,until\nana@example.com,Data,{first},{last}\n")
    assert (held.first.month, held.first.day) == read


@pytest.mark.parametrize("others", ["12/12/2025", "13/12/2025\nben,Data,12/13/2025,"])
def test_dates_that_prove_nothing_or_both_are_refused(tmp_path: Path, others: str) -> None:
    with pytest.raises(BadFile, match="nothing in the file tells the day from the month; write 2025-09-15"):
        hold(tmp_path, f"who,department,from,until\nana@example.com,Data,03/01/2025,{others}\n")


@pytest.mark.parametrize(("written", "kind"), [
    ("", "person"), ("Persona", "person"), ("user", "person"), ("usuario", "person"), ("Equipo", "team"),
    ("clave", "key"), ("Aplicación", "application"), ("Key", "key"), ("support-chat", "support-chat"),
])  # fmt: skip
def test_a_kind_is_written_in_english_or_spanish_or_is_that_of_a_usable(
    tmp_path: Path, written: str, kind: str
) -> None:
    (found,) = read_organization(write(tmp_path, f"who,kind,department\nX,{written},Data\n")).memberships
    assert (found.kind, found.who) == (kind, "X")


@pytest.mark.parametrize(("shares", "read"), [
    (("60", "40"), ("3/5", "2/5")), (("0.6", "0.4"), ("3/5", "2/5")), (("60 %", "40%"), ("3/5", "2/5")),
    (("0,6", "0,4"), ("3/5", "2/5")), (("0.6%", "99.4"), ("0.994", "0.006")),
    (("0.0001", "99.9999"), ("0.999999", "1e-6")),
    (("1", ""), ("1",)),
])  # fmt: skip
def test_shares_are_percents_or_parts_of_one(tmp_path: Path, shares: tuple[str, str], read: tuple[str, ...]) -> None:
    lines = [f"ana@example.com;P{number};{share}" for number, share in enumerate(shares) if share]
    (held,) = hold(tmp_path, "\n".join(["who;project;share", *lines]))
    assert tuple(share for share, _ in held.parts) == tuple(map(Fraction, read))


def test_one_share_of_a_file_that_is_a_part_of_one_makes_none_of_the_others_so(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="sum to 40.6 %"):
        hold(tmp_path, "who,project,share\nana@example.com,A,0.6\nana@example.com,B,40\n")


def test_somebody_may_be_somewhere_for_one_day(tmp_path: Path) -> None:
    (held,) = hold(tmp_path, "who,project,from,until\nana@example.com,A,2025-09-01,2025-09-01\n")
    assert held.first == held.last == date(2025, 9, 1)


def test_of_many_faults_the_first_ten_are_shown_and_the_others_counted(tmp_path: Path) -> None:
    for faults, more in ((10, []), (12, ["And 2 more."])):
        with pytest.raises(BadFile) as raised:
            hold(tmp_path, HEAD + ",,Data,,,,,\n" * faults)
        assert str(raised.value).splitlines()[10:] == more


def test_what_is_no_workbook_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="cannot be read as Excel"):
        read_organization(write(tmp_path, "who,department\n", "people.xlsx"))


def test_what_a_line_leaves_open_the_line_of_its_team_says_on_those_days(tmp_path: Path) -> None:
    assert hold(tmp_path, """\
who,kind,team,department,cost_centre,until,from
ana@example.com,,Search,,CC-7,,
Search,team,,Platform,CC-10,2025-09-14,
Search,team,,Data,CC-11,,2025-09-15
""") == (
        Held(date.min, date(2025, 9, 14), whole("Platform", team="Search", cost_centre="CC-7")),
        Held(date(2025, 9, 15), date.max, whole("Data", team="Search", cost_centre="CC-7")),
    )  # fmt: skip


def test_days_on_which_the_same_holds_are_one_span(tmp_path: Path) -> None:
    assert hold(tmp_path, """\
who,kind,team,department,from,until
ana@example.com,,Search,Platform,,2025-09-14
ana@example.com,,Search,,2025-09-15,
Search,team,,Platform,2025-03-01,
""") == (Held(*ALWAYS, whole("Platform", team="Search")),)  # fmt: skip


HEAD = "who,kind,department,team,project,from,until,share\n"
FAULTS = {
    "ana@example.com,,Data,,,,,\nana@example.com,,Sales,,,2025-09-15,,":
        "line 3 of .*: it overlaps with line 2 from 2025-09-15 on; end one before the other begins, or give shares",
    "ana@example.com,,Data,,A,,,60\nana@example.com,,Data,,B,,,50":
        "line 3 of .*: the shares with line 2 sum to 110 % from the beginning; they must be 100 % on each day",
    "ana@example.com,,Data,,A,,,60\nana@example.com,,Data,,B,2025-09-15,,40":
        "line 2 of .*: the shares sum to 60 % from the beginning; they must be 100 % on each day",
    "ana@example.com,,Data,,,2025-09-15,2025-09-14,":
        "line 2 of .*: it ends on 2025-09-14, before it begins on 2025-09-15",
    ",,Data,,,,,": "line 2 of .*: whom is it of",
    "ana@example.com,,,,,,,": "line 2 of .*: it names no department, team, project or cost centre",
    "ana@example.com,,Data,,,soon,,": "line 2 of .*: from is 'soon', which is no date; write it as 2025-09-15",
    "ana@example.com,,Data,,,01/02/2025,,": "line 2 of .*: from is '01/02/2025', which is one day or another",
    "ana@example.com,,Data,,,,,120": "line 2 of .*: its share is '120'; write a percentage above 0 up to 100",
    "ana@example.com,,Data,,,,,0": "line 2 of .*: its share is '0'",
    "ana@example.com,,Data,,,,,33.33333": "line 2 of .*: its share is '33.33333'; .* with at most 4 decimals",
    "ana@example.com,,Data,,,,,60 percent": "line 2 of .*: its share is '60 percent'",
    "ana@example.com,,Data,,,15/09/2025 0:00,,": "line 2 of .*: from is '15/09/2025 0:00', which is no date",
    "ana@example.com,,Data,,,,,most": "line 2 of .*: its share is 'most'",
    "Search,team,Data,Other,,,,": "line 2 of .*: the team Search cannot belong to another team, Other",
    "*,,Data,,,,,": "line 2 of .*: \\* is all of a kind; name the kind",
    "a,,Data,,,,,,,more": "line 2 of .* has more cells than the 8 column names",
    'a,"Data,,,,,,': "line 2 of .* is no line of a CSV",
    "": "has nobody",
}  # fmt: skip


def test_a_day_of_a_month_of_the_same_number_is_one_day_whichever_comes_first(tmp_path: Path) -> None:
    (one,) = read_organization(write(tmp_path, HEAD + "ana@example.com,,Data,,,01-01-2025,,\n")).memberships
    assert one.first == date(2025, 1, 1)


@pytest.mark.parametrize("lines", FAULTS)
def test_a_fault_is_said_with_its_line(tmp_path: Path, lines: str) -> None:
    with pytest.raises(BadFile, match=FAULTS[lines]):
        read_organization(write(tmp_path, HEAD + lines + "\n"))


def test_each_fault_has_its_own_sentence_in_the_order_of_the_lines(tmp_path: Path) -> None:
    with pytest.raises(BadFile) as raised:
        read_organization(write(tmp_path, HEAD + "ana@example.com,,Data,,,,,\n,,Data,,,,,\nana@example.com,,X,,,,,\n"))
    assert [line.split(" of ")[0] for line in str(raised.value).splitlines()] == ["line 3", "line 4"]


@pytest.mark.parametrize(("header", "said"), [
    ("who,shoe size", "line 1 of .*: 'shoe size' is no column of an organization"),
    ("department,team", "no column says whom a line is of"),
    ("person,correo,team", "the columns person and correo say the same"),
    ("", "is empty"),
])  # fmt: skip
def test_columns_that_are_not_known_are_refused(tmp_path: Path, header: str, said: str) -> None:
    with pytest.raises(BadFile, match=said):
        read_organization(write(tmp_path, f"{header}\n"))


def test_days_without_a_line_between_two_of_a_person_are_gaps_and_no_fault(tmp_path: Path) -> None:
    lines = "ana@example.com,,Data,,,,2025-09-10,\nana@example.com,,Sales,,,2025-09-15,,\n"
    found = read_organization(write(tmp_path, HEAD + lines))
    assert [(one.before.line, one.first, one.last) for one in found.gaps] == [(2, date(2025, 9, 11), date(2025, 9, 14))]
    assert [one.first for one in found.held[ANA]] == [date.min, date(2025, 9, 15)]


def test_the_order_of_the_lines_changes_nothing(tmp_path: Path) -> None:
    lines = [f"p{number}@example.com,,D{number % 3},Search,P{part},,,{share}"
             for number in range(20) for part, share in enumerate((50, 30, 20))]  # fmt: skip
    shuffled = random.Random(7).sample(lines, len(lines))
    first, second = (read_organization(write(tmp_path, HEAD + "\n".join(one))).held for one in (lines, shuffled))
    assert first == second


@pytest.mark.skipif(os.name != "posix", reason="other systems have other rights")
def test_a_file_of_people_is_its_owners_alone_or_said_to_be_open(tmp_path: Path) -> None:
    lines = HEAD + "ana@example.com,,Data,,,,,\n"
    usual, other = write(tmp_path, lines, "organization.csv"), write(tmp_path, lines, "hr.csv")
    for file in (usual, other):
        file.chmod(0o644)
    assert (read_organization(usual).notes, usual.stat().st_mode & 0o777) == ((), 0o600)
    assert read_organization(other).notes == (f"Others may read {other}, which holds people: chmod 600 {other}",)
    assert other.stat().st_mode & 0o777 == 0o644


def test_a_team_is_told_by_its_own_line_before_one_of_its_people(tmp_path: Path) -> None:
    found = read_organization(write(tmp_path, """\
who,kind,team,department,owner,from,until
ana@example.com,,Search,,ben@example.com,,
Search,team,,Data,carla@example.com,2025-09-01,2025-09-01
eva@example.com,,Maps,,dora@example.com,,
leo@example.com,,Ads,,,,
"""))  # fmt: skip
    day = date(2025, 9, 1)
    assert [found.find_owner(team, day) for team in ("Search", "Maps", "Ads")] == [
        "carla@example.com", "dora@example.com", None]  # fmt: skip
    assert [found.find_owner("Search", date(2025, month, 2)) for month in (8, 9)] == ["ben@example.com"] * 2


def test_names_that_differ_only_in_how_they_are_written_are_told(tmp_path: Path) -> None:
    lines = "a,key,Operación,,,,,\nb,key,operacion,,,,,\nc,key,Data,X,,,,\nd,key,Data,x,,,,\n"
    assert read_organization(write(tmp_path, HEAD + lines)).notes[:2] == (
        "'Operación' and 'operacion' are departments of their own; write them alike if they are one.",
        "'X' and 'x' are teams of their own; write them alike if they are one.",
    )


def test_an_email_is_matched_as_imports_store_it() -> None:
    assert hide_email("ANA@example.com").startswith("email-")
    assert hide_email("3f1c") == "3f1c"


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("ana@example.com", "ana@example.com"),
        ("\ufeffAna@example.com\u200b", "ana@example.com"),
        ("an\u200ca@exam\u200dple.com", "ana@example.com"),
        ("jose\u0301@example.com", "jos\u00e9@example.com"),
        ("JOSE\u0301@example.com", "jos\u00e9@example.com"),
        ("\u202aana@example.com\u202c", "ana@example.com"),
        ("\u2060an\u00ada@example.com\u200e\u2069", "ana@example.com"),
        ("\u0130LKER@example.com", "ilker@example.com"),
        ("I\u0307lker@example.com", "ilker@example.com"),
        ("NIKO\u03a3@example.com", "niko\u03c3@example.com"),
        ("niko\u03c2@example.com", "niko\u03c3@example.com"),
    ],
)
def test_an_email_is_matched_whatever_nobody_sees_of_it_in_the_file_as_in_calls(written: str, plain: str) -> None:
    """A pseudonym of a plain address is the hash of it, as it was stored ever since."""
    kept = f"email-{sha256(plain.encode()).hexdigest()[:24]}"
    with duckdb.connect() as connection:
        connection.execute(MACROS)
        assert connection.execute("SELECT hide_email(?)", [written]).fetchone() == (kept,)
    assert hide_email(written) == kept


def test_an_email_has_one_stand_in_in_calls_and_elsewhere_whatever_letter_it_has_and_wherever() -> None:
    letters = [chr(number) for number in range(1, 0x1F000) if not 0xD800 <= number < 0xE000]
    emails = [text for one in letters for text in (f"{one}@example.com", f"a{one}.b@example.com", f"a@{one}a")]
    with duckdb.connect() as connection:
        connection.execute(MACROS)
        rows = connection.from_arrow(pa.table({"email": emails})).select("email, hide_email(email)").fetchall()
    assert len(rows) > 300_000
    assert [ascii(email) for email, kept in rows if kept != hide_email(email)] == []


def test_the_headers_that_an_organization_has_are_named_in_the_readers_language_and_each_is_known() -> None:
    with speak("es"), pytest.raises(BadFile) as caught:
        _name_columns(["quién"], "línea 1")
    *__, said = str(caught.value).rstrip(".").split("; tiene ")
    named = re.split(", | o ", said)
    assert said.startswith("persona o correo, tipo, departamento, equipo, ")
    assert {_KNOWN[simplify_text(one)] for one in named} == {*COLUMNS}
    assert f"tiene {', '.join(COLUMNS)}" not in said
    assert caught.value.english.endswith(f"; it has {', '.join(COLUMNS)}.")
