"""What is read of a csv file before a product is made for it: expected values by hand."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from readiness_pipelines.declarations.sample import Sample, read_sample, silver_names
from readiness_pipelines.errors import ReadinessError


def sample(tmp_path: Path, text: str, *, at_most: int = 1_000_000) -> Sample:
    path = tmp_path / "given.csv"
    path.write_bytes(text.encode())
    return read_sample(path, at_most=at_most)


def test_types_are_what_every_value_casts_to(tmp_path: Path) -> None:
    read = sample(
        tmp_path,
        "n,amount,flag,on,at,word,empty,mixed\n"
        "1,2.5,true,2025-01-31,2025-01-31T10:00:00Z,a,,1\n"
        "-7,3,FALSE,2024-02-29,2025-01-31 10:00:00,,,x\n",
    )
    assert [(f.name, f.logical_type, f.full) for f in read.fields] == [
        ("n", "integer", True),
        ("amount", "number", True),
        ("flag", "boolean", True),
        ("on", "date", True),
        ("at", "timestamp", True),
        ("word", "string", False),
        ("empty", "string", False),
        ("mixed", "string", True),
    ]
    assert (read.records, read.rejects, read.whole) == (2, 0, True)


@pytest.mark.parametrize(
    ("value", "logical"),
    [
        ("0", "integer"),
        ("0.5", "number"),
        ("-0.5", "number"),
        ("01234", "string"),  # a postcode would lose its zero
        ("00.5", "string"),
        ("+4930123456", "string"),  # a telephone number would lose its plus
        ("123456789012345", "integer"),
        ("4111111111111111", "string"),  # 16 digits: a card number; as a double it would not come back
        ("12345678901234567890", "string"),
        ("1e5", "string"),
        ("1,5", "string"),
        ("2025-02-30", "string"),
        ("31.01.2025", "string"),
        ("2025-01-31 10:00", "string"),
        (" 1", "string"),
        ("yes", "string"),
    ],
)
def test_what_a_type_would_not_give_back_stays_text(tmp_path: Path, value: str, logical: str) -> None:
    (field, _) = sample(tmp_path, f'a,b\n"{value}",x\n').fields
    assert field.logical_type == logical


def test_a_value_late_in_the_file_counts_as_much_as_the_first(tmp_path: Path) -> None:
    read = sample(tmp_path, "id,n\n" + "".join(f"{i},{i}\n" for i in range(45_000)) + "0,x\n")
    assert [(f.logical_type, f.unique) for f in read.fields] == [("integer", False), ("string", False)]
    assert (read.records, read.whole) == (45_001, True)


def test_no_more_than_at_most_is_looked_at_rounded_up_to_a_batch(tmp_path: Path) -> None:
    read = sample(tmp_path, "id,n\n" + "".join(f"{i},{i}\n" for i in range(45_000)) + "0,x\n", at_most=10)
    assert [f.logical_type for f in read.fields] == ["integer", "integer"]
    assert (read.records, read.whole) == (20_000, False)


@pytest.mark.parametrize(("second", "full", "unique"), [("2", True, True), ("1", True, False), ("", False, True)])
def test_full_and_unique_are_facts_of_the_values(tmp_path: Path, second: str, full: bool, unique: bool) -> None:
    first = sample(tmp_path, f"id,n\n1,a\n{second},a\n").fields[0]
    assert (first.full, first.unique) == (full, unique)


@pytest.mark.parametrize(("delimiter", "found"), [(",", ","), (";", ";"), ("\t", "\t"), ("|", "|")])
def test_the_delimiter_is_the_one_that_splits_the_header(tmp_path: Path, delimiter: str, found: str) -> None:
    read = sample(tmp_path, f'a{delimiter}"b,;|,;|"\n1{delimiter}2\n')
    assert (read.delimiter, [f.delivered for f in read.fields]) == (found, ["a", "b,;|,;|"])


def test_records_that_cannot_be_read_are_counted_and_not_looked_at(tmp_path: Path) -> None:
    read = sample(tmp_path, 'a,b\n1,2\nx\n3,"4\n5,6\n')
    assert (read.records, read.rejects, [f.logical_type for f in read.fields]) == (2, 2, ["integer", "integer"])


def test_names_become_sql_names_that_differ() -> None:
    given = ["Order ID", "customerName", "2nd", 'with "quote"', "Größe", "日付", "order_id", "Row ID", "ORDER-ID"]
    assert silver_names(given) == [
        *("order_id", "customer_name", "column_2nd", "with_quote", "grosse", "column_6"),
        "order_id_2",
        "row_id_2",  # row_id is a column of every table
        "order_id_3",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty, expected a header"),
        ("\n\n", "is empty, expected a header"),
        ("a,b\n", "has a header and no record"),
        ("a,a\n1,2\n", "columns named twice"),
        ("ID,id\n1,2\n", "columns named twice"),
        ("a,b\n1\n", "found no record of 2 fields"),
        ("a,\n1,2\n", "found no name for column 2"),
        ('a,"b\rc"\n1,2\n', "found a control character in the name of column 2"),
        ("a,Row_ID\n1,2\n", "found the column 'Row_ID', which every table has already"),
    ],
)
def test_a_file_that_bronze_could_never_admit_is_refused_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ReadinessError, match=said) as error:
        sample(tmp_path, text)
    assert "\n" not in str(error.value) and str(tmp_path / "given.csv") in str(error.value)
    assert str(error.value).count("given.csv") == 1


def test_a_byte_that_is_no_text_rejects_its_record_and_not_the_file(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_bytes(b"a,b\n1,2\n3,\xff\n4,5\n")
    found = read_sample(tmp_path / "b.csv")
    assert (found.records, found.rejects) == (2, 1)


def test_a_packed_file_is_read_as_bronze_reads_it(tmp_path: Path) -> None:
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(b"a;b\n1;2\n"))
    assert [field.delivered for field in read_sample(tmp_path / "b.csv.gz").fields] == ["a", "b"]


def test_a_missing_or_binary_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReadinessError, match="found no such file"):
        read_sample(tmp_path / "nowhere.csv")
    with pytest.raises(ReadinessError, match="found a folder"):
        read_sample(tmp_path)
    (tmp_path / "b.csv").write_bytes(b"\xff\xfea,b\n1,2\n")
    with pytest.raises(ReadinessError, match="expected csv text in UTF-8"):
        read_sample(tmp_path / "b.csv")
