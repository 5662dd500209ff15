"""Defects, each with the reasons that a right gate gives for it, and a deck that deals every kind before repeating one.

The reasons are written here by hand, from the contract and the suites of the product; no code of the gates is read.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from readiness_pipelines.samples.stays import PLACE

# Reasons of bronze: records that are no row of the table.
TOO_FEW, TOO_MANY, NUL, NOT_UTF8 = "parse:too_few_fields", "parse:too_many_fields", "parse:nul_byte", "parse:not_utf8"


@dataclass(frozen=True)
class Record:
    """One record as it is written, and what is wrong with it. A record without `kind` is sound.

    `parse` is bronze's reason. `casts` and `rules` are silver's, and say nothing about whether a later record of the
    same id stands instead. `column` names where the defect is, comma-separated if in several. The first `key_fields`
    fields are its id.
    """

    fields: Sequence[str]
    kind: str = ""
    column: str = ""
    parse: str = ""
    casts: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    encoding: str = "utf-8"
    key_fields: int = 1

    @property
    def key(self) -> str | None:
        """The id, as text; None where a part of it is missing: such a record has no duplicate."""
        parts = self.fields[: self.key_fields]
        return ",".join(parts) if not {"?", ""} & set(parts) else None

    @property
    def reasons(self) -> tuple[str, ...]:
        return (*((self.parse,) if self.parse else ()), *self.casts, *self.rules)

    @property
    def line(self) -> bytes:
        return ",".join(self.fields).encode(self.encoding) + b"\n"


@dataclass(frozen=True)
class Spoil:
    """Values to put into a record, and silver's reasons for them."""

    values: Mapping[str, str]
    casts: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()


def bad_cast(column: str, value: str, silver: str | None = None) -> Spoil:
    """Return a value that silver cannot cast, of the column `silver` there (default: the same name)."""
    return Spoil({column: value}, casts=(f"cast:{silver or column}",))


def broken_rule(column: str, value: str, rule: str) -> Spoil:
    """Return a value that breaks one rule of silver's suite."""
    return Spoil({column: value}, rules=(rule,))


ENCOUNTER_SPOILS: Mapping[str, Sequence[Spoil]] = {
    "unparsable_number": (
        bad_cast("time_in_hospital", "abc"),
        bad_cast("num_lab_procedures", "12.5"),
        bad_cast("num_medications", "1O"),
        bad_cast("number_diagnoses", "1e1"),
    ),
    "impossible_stay": (
        broken_rule("time_in_hospital", "99", "time_in_hospital_in_range"),
        broken_rule("time_in_hospital", "0", "time_in_hospital_in_range"),
    ),
    "negative_count": (
        broken_rule("num_medications", "-3", "num_medications_in_range"),
        broken_rule("number_inpatient", "-1", "number_inpatient_in_range"),
    ),
    "impossible_date": (bad_cast("discharged_on", "2025-02-31"), bad_cast("discharged_on", "2025-13-01")),
    "wrong_day": (broken_rule("discharged_on", "2024-12-24", "discharged_on_delivery_day"),),
    "unknown_category": (
        broken_rule("insulin", "Sometimes", "insulin_known"),
        broken_rule("gender", "Femal", "gender_known"),
        broken_rule("age", "[70-90)", "age_band_known"),
        broken_rule("A1Cresult", ">9", "a1c_result_known"),
        bad_cast("change", "Maybe", "medication_changed"),
    ),
    "unknown_code": (
        broken_rule("discharge_disposition_id", "99", "discharge_disposition_id_in_code_list"),
        broken_rule("admission_type_id", "0", "admission_type_id_in_code_list"),
    ),
    "invalid_icd9": (
        broken_rule("diag_1", "25O.13", "diag_1_is_icd9"),
        broken_rule("diag_2", "1000", "diag_2_is_icd9"),
        broken_rule("diag_3", "V5", "diag_3_is_icd9"),
    ),
    "missing_encounter_id": (
        broken_rule("encounter_id", "?", "encounter_id_present"),
        broken_rule("encounter_id", "", "encounter_id_present"),
    ),
    "missing_patient": (broken_rule("patient_nbr", "?", "patient_nbr_present"),),
    "missing_disposition": (broken_rule("discharge_disposition_id", "?", "discharge_disposition_id_present"),),
    "several_reasons": (
        Spoil(
            {"num_lab_procedures": "n/a", "time_in_hospital": "99", "diag_1": "XYZ"},
            casts=("cast:num_lab_procedures",),
            rules=("time_in_hospital_in_range", "diag_1_is_icd9"),
        ),
        Spoil(
            {"discharged_on": "2025-02-31", "gender": "Femal", "insulin": "?"},
            casts=("cast:discharged_on",),
            rules=("gender_known", "insulin_known"),
        ),
    ),
}
ENCOUNTER_TWINS: Mapping[str, Spoil] = {  # a second record of the same stay, further down the file
    "exact_duplicate": Spoil({}),
    "changed_duplicate": Spoil({"num_medications": "22", "medical_specialty": "Nephrology"}),
    # A later record that cannot be cast takes no part in de-duplication: the earlier one stands.
    "duplicate_unparsable_later": bad_cast("num_lab_procedures", "abc"),
    # A later record that can be cast stands, and then breaks a rule: neither is admitted.
    "duplicate_impossible_later": broken_rule("time_in_hospital", "99", "time_in_hospital_in_range"),
}
OUTCOME_SPOILS: Mapping[str, Sequence[Spoil]] = {
    "unknown_category": (
        broken_rule("readmitted", "maybe", "readmitted_known"),
        broken_rule("readmitted", "<60", "readmitted_known"),
    ),
    "impossible_date": (bad_cast("known_on", "2025-02-31"),),
    "wrong_day": (broken_rule("known_on", "2024-12-24", "known_on_delivery_day"),),
    "missing_encounter_id": (
        broken_rule("encounter_id", "?", "encounter_id_present"),
        broken_rule("encounter_id", "", "encounter_id_present"),
    ),
    "missing_outcome": (broken_rule("readmitted", "?", "readmitted_present"),),
    "several_reasons": (
        Spoil({"readmitted": "maybe", "known_on": "31.01.2025"}, casts=("cast:known_on",), rules=("readmitted_known",)),
    ),
}
OUTCOME_TWINS: Mapping[str, Spoil] = {"exact_duplicate": Spoil({}), "changed_duplicate": Spoil({"readmitted": "<30"})}
OUTCOME_PLACE = {"encounter_id": 0, "readmitted": 1, "known_on": 2}


@dataclass
class Deck:
    """Deals kinds of defects in a shuffled order, each once before any comes twice; variants of a kind take turns."""

    kinds: Sequence[str]
    random_: random.Random
    _left: list[str] = field(default_factory=list)
    _dealt: dict[str, int] = field(default_factory=dict)

    def deal(self) -> tuple[str, int]:
        """Return the next kind and how often it came before."""
        if not self._left:
            self._left = list(self.kinds)
            self.random_.shuffle(self._left)
        kind = self._left.pop()
        turn = self._dealt.get(kind, 0)
        self._dealt[kind] = turn + 1
        return kind, turn


def inject(
    rows: Sequence[Sequence[str]],
    dealt: Sequence[tuple[str, int]],
    *,
    spoils: Mapping[str, Sequence[Spoil]],
    twins: Mapping[str, Spoil],
    place: Mapping[str, int],
    random_: random.Random,
    key_fields: int = 1,
) -> list[Record]:
    """Return `rows` as records in file order, with one defect of each dealt kind, no two on one row."""
    records = [(i, 0.0, Record(fields)) for i, fields in enumerate(rows)]
    for i, (kind, turn) in zip(random_.sample(range(len(rows)), len(dealt)), dealt, strict=True):
        sound = rows[i]
        if kind in twins:
            later = random_.randrange(i, len(rows)) + random_.random()  # anywhere below the first record
            records.append((int(later), 0.001 + later % 1, _spoiled(sound, kind, twins[kind], place)))
        elif kind in spoils:
            records[i] = (i, 0.0, _spoiled(sound, kind, spoils[kind][turn % len(spoils[kind])], place))
        else:
            records[i] = (i, 0.0, _unreadable(sound, kind, place))
    return [replace(record, key_fields=key_fields) for *_, record in sorted(records, key=lambda r: r[:2])]


def _spoiled(fields: Sequence[str], kind: str, spoil: Spoil, place: Mapping[str, int]) -> Record:
    changed = list(fields)
    for column, value in spoil.values.items():
        changed[place[column]] = value
    return Record(changed, kind, ", ".join(spoil.values), casts=spoil.casts, rules=spoil.rules)


UNREADABLE = ("too_few_fields", "too_many_fields", "nul_byte", "not_utf8")


def _unreadable(fields: Sequence[str], kind: str, place: Mapping[str, int]) -> Record:
    match kind:
        case "too_few_fields":
            return Record(fields[: -max(1, len(fields) // 15)], kind, parse=TOO_FEW)
        case "too_many_fields":
            return Record([*fields, "1", "extra"], kind, parse=TOO_MANY)
    column = "medical_specialty" if "medical_specialty" in place else "readmitted"
    text = "Pedia\0trics" if kind == "nul_byte" else "Pédiatrie"
    changed = list(fields)
    changed[place[column]] = text
    sound = Record(changed, kind, column, parse=NUL if kind == "nul_byte" else NOT_UTF8)
    return sound if kind == "nul_byte" else replace(sound, encoding="latin-1")


ENCOUNTER_KINDS = (*ENCOUNTER_SPOILS, *ENCOUNTER_TWINS, "too_few_fields", "too_many_fields")
OUTCOME_KINDS = (*OUTCOME_SPOILS, *OUTCOME_TWINS, "too_few_fields")
ENCOUNTER_PLACE = PLACE
