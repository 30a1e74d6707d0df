"""Files of addresses as people have them: encodings, line ends, exports of providers and of spreadsheets."""

from __future__ import annotations

import codecs
import gzip
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.errors import UserError
from syncer.intake.address_file import AddressFile, read_addresses

TWO = [(1, "ada@x.test"), (2, "josé@x.test")]
MAILCHIMP = (
    '{email},"First Name","Last Name",MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,GMTOFF,DSTOFF,TIMEZONE,'
    "CC,REGION,UNSUB_TIME,UNSUB_CAMPAIGN_TITLE,UNSUB_CAMPAIGN_ID,UNSUB_REASON,UNSUB_REASON_OTHER,LEID,EUID,NOTES,TAGS\n"
    'ada@x.test,Ada,"Person, jr.",2,"2020-01-01 10:00:00",,,203.0.113.7,1,2,Europe/Berlin,DE,BE,,"News, told by'
    ' a@b.test",x1,NORMAL,,1001,0a1b,"asked by bob@y.test\n\nin a letter","""VIP"",""Blog"""\n'
    "josé@x.test,,,,,,,,,,,,,,,,,,1002,0a1c,,\n"
)


def read(raw: bytes | str, **options: bool) -> AddressFile:
    return read_addresses(raw if isinstance(raw, bytes) else raw.encode(), "list.csv", **options)


def refusal(raw: bytes | str) -> str:
    with pytest.raises(UserError) as caught:
        read(raw)
    said = str(caught.value)
    assert "\n" not in said
    assert "@" not in said
    return said


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["lf", "crlf", "cr"])
@pytest.mark.parametrize("last", [True, False], ids=["closed", "open"])
def test_every_encoding_and_every_line_end_gives_the_same_addresses(encoding: str, end: str, last: bool) -> None:
    text = end.join(["ada@x.test", "josé@x.test"]) + (end if last else "")

    found = read(text.encode(encoding))

    assert list(found.lines) == TWO
    assert found.remarks == (("list.csv: not UTF-8; read as Windows-1252",) if encoding == "cp1252" else ())


def test_big_endian_marks_and_marks_in_the_middle_of_joined_files_are_no_part_of_an_address() -> None:
    big = codecs.BOM_UTF16_BE + "ada@x.test\njosé@x.test".encode("utf-16-be")

    assert list(read(big).lines) == TWO
    assert list(read("\ufeffada@x.test\n\ufeffjosé@x.test\n\x1a").lines) == TWO


def test_blank_lines_comments_and_form_feeds_are_passed_over_and_lines_keep_their_numbers() -> None:
    found = read("# who asked in May\n\n  ada@x.test \n\x0c\n\x0cgrace@x.test\n\t# end")

    assert found.lines == ((3, "ada@x.test"), (5, "grace@x.test"))


def test_octets_that_are_no_letter_in_windows_1252_make_no_other_address() -> None:
    (first, second, third) = read("ada@x.test\nmüller@x.test\n".encode("mac_roman") + b"\x93bob@x.test").lines

    assert first == (1, "ada@x.test")
    assert "\udc9f" in second[1]
    assert "\udc93" in third[1]


def test_one_broken_line_does_not_turn_the_others_into_windows_1252() -> None:
    found = read("josé@x.test\n".encode() + b"m\xfcller@x.test\nada@x.test")

    assert found.lines == ((1, "josé@x.test"), (2, "m\udcfcller@x.test"), (3, "ada@x.test"))
    assert found.remarks == ()


def test_a_nul_stays_in_its_line_and_does_not_touch_the_others() -> None:
    assert read("ada@x.test\nb\0@x.test\n").lines == ((1, "ada@x.test"), (2, "b\0@x.test"))


@pytest.mark.parametrize(
    "head",
    ['"Email Address"', "Emailadresse", "E-Mail-Adresse", '"Adresse e-mail"', '"Dirección de correo electrónico"',
     "Email", "EMAIL", "E-mailadres", "メールアドレス"],
    ids=range(9),
)  # fmt: skip
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_an_export_of_mailchimp_is_taken_by_its_column_in_any_language(head: str, encoding: str) -> None:
    found = read(MAILCHIMP.format(email=head).encode(encoding))

    assert found.lines == ((2, "ada@x.test"), (5, "josé@x.test"))
    assert found.remarks == ("list.csv: a table; its addresses stand in column 1",)


def test_an_export_of_activecampaign_is_taken_and_contacts_without_an_address_are_named() -> None:
    found = read(
        '"Contact ID","Email","First Name","Last Name","Phone","Date Created"\r\n'
        '"1","ada@x.test","Ada","","","2024-01-01"\r\n"2","","Bob","","+49 30 1","2024-01-02"\r\n'
    )

    assert found.lines == ((2, "ada@x.test"),)
    assert found.remarks[1] == "list.csv: 1 without an address passed over: line 3"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"], ids=["comma", "semicolon", "tab", "bar"])
@pytest.mark.parametrize("before", ["", "# from the shop\n", "sep={}\n"], ids=["bare", "comment", "hint"])
def test_any_delimiter_and_any_head_will_do_where_one_column_holds_the_addresses(delimiter: str, before: str) -> None:
    rows = [["Name", "Kontakt"], ["Lovelace", "ada@x.test"], ["Pérez", "josé@x.test"]]
    named = [["Name", "E-Mail"], *rows[1:]]

    by_look = read(before.format(delimiter) + "\n".join(map(delimiter.join, rows)))
    bare = read("\n".join(map(delimiter.join, rows[1:])))
    by_name = read(before.format(delimiter) + "\n".join(map(delimiter.join, named)))

    assert [text for _, text in by_look.lines] == [text for _, text in TWO]
    assert list(bare.lines) == TWO
    assert by_look.remarks[1].endswith(" was taken for the head of the table and passed over")
    assert by_name.lines == by_look.lines
    assert len(by_name.remarks) == 1


def test_a_column_of_its_own_may_have_a_head_and_quotes() -> None:
    for text in ("email\nada@x.test\njosé@x.test\n", '"Email"\n"ada@x.test"\n"josé@x.test"\n'):
        assert [address for _, address in read(text).lines] == [address for _, address in TWO]
    assert list(read("ada@x.test;\njosé@x.test;\n").lines) == TWO
    assert list(read('"a,b"@x.test\njosé@x.test\n').lines) == [(1, '"a,b"@x.test'), TWO[1]]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Name,Street\nAda,Mill Lane\nBob,Elm Road\n", "3 of 3 lines are no address, the first is line 1"),
        ("Ada <ada@x.test>\nBob <bob@x.test>\n", "2 of 2 lines"),
        ("ada@x.test, bob@x.test\n", "line 1 holds several addresses"),
        ("ada@x.test\nbob@x.test; cy@x.test\n", "line 2 holds several addresses"),
        ("Name,Email,Email\nAda,ada@x.test,ada@y.test\n", "holds several addresses"),
        ("", "no address was given"),
        ("email,name\n", "no address was given"),
        ("ada@x.test\njosé@x.test".encode("utf-16")[:-1], "cut off in the middle of a character"),
        ("Email,Notes\nada@x.test," + "n" * 200_000, "no address"),
        ("<td>ada@x.test</td>\n<td>bob@x.test</td>\n", "2 of 2 lines"),
        ('{"email":"ada@x.test"}\n{"email":"bob@x.test"}\n', "2 of 2 lines"),
        ("<ada@x.test>\n<bob@x.test>\n", "2 of 2 lines"),
        ("mailto:ada@x.test\nmailto:bob@x.test\n", "2 of 2 lines"),
        ("'ada@x.test'\n'bob@x.test'\n", "2 of 2 lines"),
        ('["ada@x.test","bob@x.test"]', "line 1 holds several addresses"),
        ("Ada <ada@x.test>; Bob <bob@x.test>", "line 1 holds several addresses"),
        ("Please erase ada@x.test and bob@x.test.", "line 1 holds several addresses"),
        ('Email;Name\nada@x.test;Ada\n"bob@x.test;Bob\ncy@x.test;Cy\n', "lines are no address"),
    ],
    ids=range(18),
)
def test_what_is_no_list_of_addresses_is_refused_whole_in_one_line(text: str | bytes, said: str) -> None:
    assert said in refusal(text)


@pytest.mark.parametrize(
    ("raw", "what"),
    [
        (gzip.compress(b"ada@x.test\n"), "gzip"),
        (b"PK\x03\x04\n\x14\0\n\0\n", "workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 500, "xls"),
        (b"%PDF-1.7\nada@x.test\nbob@x.test\ncy@x.test\n", "PDF"),
        (b"SQLite format 3\0" + b"\0" * 500, "database"),
        (b"\x89PNG\r\n\x1a\n", "picture"),
    ],
    ids=range(6),
)
def test_a_file_that_is_no_text_is_refused_by_what_it_is(raw: bytes, what: str) -> None:
    assert re.search(f"this is .*{what}.*no text; save its addresses as CSV", refusal(raw))


def test_a_number_sign_before_an_order_or_an_address_makes_no_remark_of_its_line() -> None:
    orders = "# of May, and June\nOrder,Email\n#1001,ada@x.test\n#1002,bob@x.test\n# end\n"
    promoted = read("Email,Name\n#promo@x.test,Ada\nbob@x.test,Bob\n")
    plain = read("#promo@x.test\n# bob@x.test asked\ncy@x.test\n")

    assert read(orders).lines == ((3, "ada@x.test"), (4, "bob@x.test"))
    assert read("#,Email\n1,ada@x.test\n").lines == ((2, "ada@x.test"),)
    assert promoted.lines == ((2, "#promo@x.test"), (3, "bob@x.test"))
    assert plain.lines == ((3, "cy@x.test"),)
    (remark,) = plain.remarks
    assert remark.endswith("needs a table with a head: line 1")


def test_addresses_that_a_table_holds_elsewhere_are_told_of() -> None:
    second = read("First Name,E-mail Address,E-mail 2 Address\nAda,ada@x.test,\nBob,bob@x.test,b@y.test\n")
    swallowed = read('Name,Email\n"Ada,ada@x.test\nBob",bob@x.test\nCy,cy@x.test\n')

    assert second.lines == ((2, "ada@x.test"), (3, "bob@x.test"))
    assert "list.csv: addresses stand in column 3 too, and were passed over" in second.remarks
    assert swallowed.remarks[1].endswith("look for a stray quote: line 2")


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("анна@x.test", "cp1251"), ("почта@x.test", "cp1251"), ("анна@x.test", "koi8_r"), ("ελένη@x.test", "cp1253"),
        ("işçi@x.test", "cp1254"), ("gałka@x.test\nwęgiel@x.test", "cp1250"), ("ţară@x.test\npână@x.test", "cp1250"),
        ("käthe@x.test\nstraße@x.test", "cp850"), ("séverine@x.test\nOŒuvre@x.test", "mac_roman"),
    ],
    ids=range(9),
)  # fmt: skip
def test_letters_of_another_code_page_make_no_address_of_somebody_else(text: str, encoding: str) -> None:
    found = read((text + "\nbob@x.test").encode(encoding))

    assert found.lines[-1][1] == "bob@x.test"
    assert found.remarks == (
        "list.csv: neither UTF-8 nor Windows-1252; addresses with letters beyond ASCII cannot be read:"
        " save it as UTF-8",
    )
    assert all(any("\udc80" <= char <= "\udcff" for char in line) for _, line in found.lines[:-1])


@pytest.mark.parametrize(
    "text",
    [
        "jäääär@x.test",
        "þýðing@x.test",
        "coração@x.test\ncréée@x.test",
        "ærøskøbing@x.test",
        "l’été@x.test",
        "JOÃO@x.test",
    ],
    ids=range(6),
)
def test_letters_of_western_europe_are_read_as_they_are(text: str) -> None:
    found = read(text.encode("cp1252"))

    assert found.remarks == ("list.csv: not UTF-8; read as Windows-1252",)
    assert [line for _, line in found.lines] == text.replace("’", "\udc92").split("\n")


def test_many_signs_in_a_line_take_no_time() -> None:
    assert "lines are no address" in refusal(("a@" * 500 + "\n") * 300)
    assert "several addresses" in refusal("a@b.test," * 400_000)


def test_a_few_lines_that_are_no_address_stay_for_a_person_and_so_does_a_single_one() -> None:
    assert read("ada@x.test\nnot an address\n").lines == ((1, "ada@x.test"), (2, "not an address"))
    assert read("foo; bar\nada@x.test\nbob@x.test").lines[0] == (1, "foo; bar")
    assert read("broken").lines == ((1, "broken"),)
    assert read("ada%2Bx@x.test\njosÃ©@x.test\n").lines == ((1, "ada%2Bx@x.test"), (2, "josÃ©@x.test"))


def test_an_event_may_stand_before_an_address_only_where_it_is_asked_for() -> None:
    lines = "0198c0de-aa ada@x.test\n0198c0de-bb bob@x.test\n"

    assert len(read(lines, with_events=True).lines) == 2
    assert "2 of 2 lines" in refusal(lines)


def test_a_line_of_a_million_characters_takes_no_time() -> None:
    found = read("x" * 1_000_000 + "\nada@x.test\nbob@x.test\n")

    assert [len(text) for _, text in found.lines] == [1_000_000, 10, 10]


@given(st.binary(max_size=400))
def test_no_octets_crash_the_reader(raw: bytes) -> None:
    try:
        found = read(raw)
    except UserError:
        return

    assert found.lines


@pytest.mark.slow
@given(st.lists(st.from_regex(r"[a-z0-9.+_'-]{1,12}@[a-z0-9-]{1,8}\.test", fullmatch=True), min_size=1, max_size=8))
def test_a_plain_list_comes_back_line_by_line(addresses: list[str]) -> None:
    assert list(read("\n".join(addresses)).lines) == list(enumerate(addresses, 1))
