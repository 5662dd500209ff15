"""Clean hospital stays that look like the UCI set "Diabetes 130-US hospitals": its columns, marginals and mess.

Weights are the shares of the values in the first half of the real set, rounded. What is drawn here is what a careful
hospital would send: "?" for missing, the literal "None" for a test that was not made, no impossible value.
"""

from __future__ import annotations

import datetime
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MEDICINES: Mapping[str, tuple[float, float, float]] = {  # share of Steady, Up, Down; the rest is No
    "metformin": (0.165, 0.011, 0.006),
    "repaglinide": (0.0104, 0.001, 0.0005),
    "nateglinide": (0.0052, 0.0001, 0.0001),
    "chlorpropamide": (0.0012, 0.0001, 0.0),
    "glimepiride": (0.04, 0.0035, 0.0018),
    "acetohexamide": (0.00002, 0.0, 0.0),
    "glipizide": (0.113, 0.0093, 0.0061),
    "glyburide": (0.106, 0.0104, 0.007),
    "tolbutamide": (0.0004, 0.0, 0.0),
    "pioglitazone": (0.0574, 0.0025, 0.0011),
    "rosiglitazone": (0.0662, 0.002, 0.001),
    "acarbose": (0.0025, 0.0001, 0.0),
    "miglitol": (0.0003, 0.0, 0.00002),
    "troglitazone": (0.00006, 0.0, 0.0),
    "tolazamide": (0.0007, 0.00002, 0.0),
    "examide": (0.0, 0.0, 0.0),
    "citoglipton": (0.0, 0.0, 0.0),
    "insulin": (0.319, 0.075, 0.092),
    "glyburide-metformin": (0.0034, 0.0001, 0.0001),
    "glipizide-metformin": (0.0001, 0.0, 0.0),
    "glimepiride-pioglitazone": (0.0, 0.0, 0.0),
    "metformin-rosiglitazone": (0.0, 0.0, 0.0),
    "metformin-pioglitazone": (0.0, 0.0, 0.0),
}

UCI_COLUMNS = (
    *(
        "encounter_id",
        "patient_nbr",
        "race",
        "gender",
        "age",
        "weight",
        "admission_type_id",
        "discharge_disposition_id",
    ),
    *(
        "admission_source_id",
        "time_in_hospital",
        "payer_code",
        "medical_specialty",
        "num_lab_procedures",
        "num_procedures",
    ),
    *("num_medications", "number_outpatient", "number_emergency", "number_inpatient", "diag_1", "diag_2", "diag_3"),
    *("number_diagnoses", "max_glu_serum", "A1Cresult", *MEDICINES, "change", "diabetesMed", "readmitted"),
)
ENCOUNTER_COLUMNS = (*UCI_COLUMNS[:-1], "discharged_on")
OUTCOME_COLUMNS = ("encounter_id", "readmitted", "known_on")
PLACE = {name: i for i, name in enumerate(ENCOUNTER_COLUMNS)}
CANNOT_RETURN = frozenset({"11", "13", "14", "19", "20", "21"})  # expired, or to hospice

Shares = Mapping[str, float]
_RACE: Shares = {
    "Caucasian": 0.715,
    "AfricanAmerican": 0.223,
    "?": 0.025,
    "Hispanic": 0.02,
    "Other": 0.012,
    "Asian": 0.005,
}
_GENDER: Shares = {"Female": 0.54, "Male": 0.4597, "Unknown/Invalid": 0.0003}
_AGE: Shares = dict(
    zip(
        [f"[{low}-{low + 10})" for low in range(0, 100, 10)],
        (0.003, 0.009, 0.017, 0.041, 0.101, 0.175, 0.217, 0.262, 0.151, 0.024),
        strict=True,
    )
)
_DRAWN: Mapping[str, Shares] = {
    "weight": {
        "?": 0.963, "[75-100)": 0.0158, "[50-75)": 0.0109, "[100-125)": 0.0063, "[125-150)": 0.0015,
        "[25-50)": 0.0013, "[0-25)": 0.0007, "[150-175)": 0.0003, "[175-200)": 0.0001, ">200": 0.00002,
    },
    "admission_type_id": {
        "1": 0.486, "2": 0.194, "3": 0.168, "6": 0.083, "5": 0.066, "8": 0.003, "4": 0.0002, "7": 0.0001,
    },
    "discharge_disposition_id": {
        "1": 0.581, "3": 0.117, "6": 0.107, "18": 0.072, "2": 0.02, "25": 0.019, "5": 0.019, "11": 0.021,
        "22": 0.0143, "4": 0.0098, "7": 0.0054, "23": 0.0037, "14": 0.0045, "13": 0.0042, "28": 0.0005,
        "19": 0.0001,
    },
    "admission_source_id": {
        "7": 0.482, "1": 0.275, "17": 0.12, "4": 0.046, "6": 0.041, "2": 0.015, "5": 0.012, "3": 0.0033,
        "20": 0.0031, "9": 0.0023, "8": 0.0002,
    },
    "time_in_hospital": {
        "1": 0.134, "2": 0.164, "3": 0.167, "4": 0.134, "5": 0.097, "6": 0.076, "7": 0.059, "8": 0.047,
        "9": 0.032, "10": 0.026, "11": 0.021, "12": 0.017, "13": 0.013, "14": 0.012,
    },
    "payer_code": {
        "?": 0.646, "MC": 0.192, "HM": 0.032, "BC": 0.03, "UN": 0.025, "SP": 0.025, "MD": 0.02, "CP": 0.015,
        "CM": 0.005, "OG": 0.003, "DM": 0.003, "PO": 0.002, "WC": 0.0007, "SI": 0.0006,
    },
    "medical_specialty": {
        "?": 0.359, "InternalMedicine": 0.214, "Family/GeneralPractice": 0.109, "Cardiology": 0.073,
        "Emergency/Trauma": 0.04, "Surgery-General": 0.035, "Nephrology": 0.023,
        "Orthopedics-Reconstructive": 0.019, "Orthopedics": 0.014, "Pulmonology": 0.013, "Psychiatry": 0.012,
        "Surgery-Cardiovascular/Thoracic": 0.011, "Urology": 0.01, "ObstetricsandGynecology": 0.01,
        "Surgery-Neuro": 0.008, "PhysicalMedicineandRehabilitation": 0.007, "Oncology": 0.006,
        "Gastroenterology": 0.006, "Surgery-Vascular": 0.005, "Hematology/Oncology": 0.005, "Pediatrics": 0.005,
        "Pediatrics-Endocrinology": 0.004, "Endocrinology": 0.003, "Neurology": 0.003, "Otolaryngology": 0.003,
        "Radiology": 0.003,
    },
    "num_procedures": {"0": 0.442, "1": 0.21, "2": 0.127, "3": 0.102, "4": 0.042, "5": 0.037, "6": 0.041},
    "number_outpatient": {
        "0": 0.888, "1": 0.064, "2": 0.022, "3": 0.013, "4": 0.007, "5": 0.0035, "8": 0.001, "14": 0.0002,
    },
    "number_emergency": {
        "0": 0.923, "1": 0.053, "2": 0.013, "3": 0.005, "4": 0.003, "7": 0.0008, "22": 0.00004,
    },
    "number_inpatient": {
        "0": 0.685, "1": 0.184, "2": 0.069, "3": 0.03, "4": 0.014, "5": 0.007, "6": 0.004, "8": 0.002,
    },
    "diag_1": {
        "414": 0.11, "428": 0.1, "786": 0.066, "410": 0.057, "486": 0.05, "427": 0.035, "434": 0.03, "996": 0.03,
        "682": 0.028, "780": 0.028, "276": 0.027, "715": 0.027, "491": 0.025, "V57": 0.022, "250.8": 0.022,
        "38": 0.02, "599": 0.019, "250.6": 0.018, "584": 0.017, "577": 0.016, "820": 0.015, "250.7": 0.014,
        "722": 0.014, "574": 0.014, "250.13": 0.014, "562": 0.013, "493": 0.013, "296": 0.013, "560": 0.012,
        "518": 0.011, "250.02": 0.011, "8": 0.005, "V58": 0.003, "174": 0.006, "285": 0.006, "648": 0.006,
        "?": 0.0003,
    },
    "diag_2": {
        "428": 0.1, "250": 0.098, "276": 0.092, "427": 0.073, "401": 0.059, "496": 0.05, "411": 0.047,
        "403": 0.046, "599": 0.043, "414": 0.039, "250.01": 0.037, "250.02": 0.029, "707": 0.028, "780": 0.022,
        "425": 0.022, "682": 0.02, "491": 0.019, "285": 0.017, "584": 0.014, "305": 0.01, "38": 0.007, "?": 0.005,
        "V45": 0.006, "V42": 0.005, "41": 0.005, "E878": 0.0015, "E885": 0.0014, "E888": 0.0013,
    },
    "diag_3": {
        "250": 0.18, "401": 0.128, "428": 0.064, "276": 0.064, "427": 0.056, "414": 0.055, "496": 0.037,
        "?": 0.021, "V45": 0.023, "585": 0.02, "250.02": 0.02, "707": 0.019, "780": 0.018, "250.6": 0.017,
        "403": 0.016, "272": 0.016, "41": 0.011, "V15": 0.006, "70": 0.004, "E849": 0.003, "E878": 0.002,
        "365.44": 0.001,
    },
    "number_diagnoses": {
        "9": 0.358, "5": 0.164, "6": 0.119, "7": 0.114, "8": 0.114, "4": 0.073, "3": 0.039, "2": 0.015, "1": 0.004,
    },
    "max_glu_serum": {"None": 0.909, "Norm": 0.046, ">200": 0.027, ">300": 0.018},
    "A1Cresult": {"None": 0.848, ">8": 0.086, "Norm": 0.034, ">7": 0.031},
}  # fmt: skip

# From one year of the real set to the next the payer came to be recorded for most stays.
_PAYER_RECORDED: Shares = {**_DRAWN["payer_code"], "?": 0.04}

# Share readmitted within 30 days by stays in the year before, as in the real set; the strongest single signal there.
_RETURN_BY_INPATIENT = (0.080, 0.128, 0.18, 0.207, 0.224, 0.30, 0.355)
# Differences of the log odds, of the size seen in the real set: V57 is rehabilitation, 428 heart failure.
_RETURN_BY_DIAGNOSIS = {
    "V57": 0.9,
    "428": 0.35,
    "584": 0.3,
    "250.6": 0.3,
    "996": 0.25,
    "786": -0.45,
    "715": -0.4,
    "722": -0.4,
}
_RETURN_BY_DISPOSITION = {"1": -0.15, "3": 0.3, "5": 0.6, "22": 1.1, "28": 1.2, "2": 0.3}
_RETURN_BY_AGE = {"[0-10)": -1.5, "[10-20)": -0.7, "[20-30)": 0.15, "[70-80)": 0.05, "[80-90)": 0.05}
_LATER = 0.39  # share of those not back within 30 days who come back later


@dataclass(frozen=True)
class Patient:
    number: str
    race: str
    gender: str
    age: str


@dataclass(frozen=True)
class Stay:
    """One clean stay: its fields in the order of ENCOUNTER_COLUMNS, and what became of the patient."""

    fields: list[str]
    readmitted: str

    @property
    def encounter_id(self) -> str:
        return self.fields[0]


def draw_patients(random_: random.Random, count: int) -> list[Patient]:
    """Return `count` patients with distinct numbers."""
    drawn = [_choices(random_, shares, count) for shares in (_RACE, _GENDER, _AGE)]
    numbers = random_.sample(range(100_000, 100_000 + 40 * count), count)
    return [Patient(str(n), *values) for n, *values in zip(numbers, *drawn, strict=True)]


def draw_stays(
    random_: random.Random,
    patients: Sequence[Patient],
    day: datetime.date,
    *,
    first_id: int,
    count: int,
    payer_recorded: bool = False,
) -> list[Stay]:
    """Return `count` stays discharged on `day`, encounter ids ascending from `first_id` within 10 * `count`.

    `payer_recorded`: for most of them it is known who pays, and not for a third; nothing else is another.
    """
    drawn = {**_DRAWN, **({"payer_code": _PAYER_RECORDED} if payer_recorded else {})}
    columns = {name: _choices(random_, shares, count) for name, shares in drawn.items()}
    columns |= {
        name: _choices(random_, {"No": 1 - sum(shares), "Steady": shares[0], "Up": shares[1], "Down": shares[2]}, count)
        for name, shares in MEDICINES.items()
    }
    who = random_.choices(patients, k=count)
    columns["encounter_id"] = [str(first_id + 10 * i + random_.randrange(10)) for i in range(count)]
    columns["patient_nbr"] = [p.number for p in who]
    columns["race"] = [p.race for p in who]
    columns["gender"] = [p.gender for p in who]
    columns["age"] = [p.age for p in who]
    columns["num_lab_procedures"] = [str(_within(random_.gauss(43, 19.7), 1, 129)) for _ in range(count)]
    columns["num_medications"] = [str(_within(random_.lognormvariate(2.62, 0.52), 1, 81)) for _ in range(count)]
    taken = list(zip(*(columns[name] for name in MEDICINES), strict=True))
    columns["change"] = ["Ch" if _changed(row) else "No" for row in taken]
    columns["diabetesMed"] = ["No" if set(row) == {"No"} else "Yes" for row in taken]
    columns["discharged_on"] = [day.isoformat()] * count
    rows = zip(*(columns[name] for name in ENCOUNTER_COLUMNS), strict=True)
    return [Stay(fields, _outcome(random_, fields)) for fields in map(list, rows)]


def _choices(random_: random.Random, shares: Shares, count: int) -> list[str]:
    return random_.choices(list(shares), weights=list(shares.values()), k=count)


def _within(value: float, low: int, high: int) -> int:
    return max(low, min(high, round(value)))


def _changed(row: Sequence[str]) -> bool:
    """A dose went up or down, or the patient was put on more than one medicine: 41% of stays, as in the real set."""
    return "Up" in row or "Down" in row or len(row) - row.count("No") > 1


def _outcome(random_: random.Random, fields: Sequence[str]) -> str:
    disposition = fields[PLACE["discharge_disposition_id"]]
    if disposition in CANNOT_RETURN:
        return "NO"
    base = _RETURN_BY_INPATIENT[min(int(fields[PLACE["number_inpatient"]]), len(_RETURN_BY_INPATIENT) - 1)]
    log_odds = math.log(base / (1 - base)) + _RETURN_BY_DIAGNOSIS.get(fields[PLACE["diag_1"]], 0.0)
    log_odds += _RETURN_BY_DISPOSITION.get(disposition, 0.0) + _RETURN_BY_AGE.get(fields[PLACE["age"]], 0.0)
    if random_.random() < 1 / (1 + math.exp(-log_odds)):
        return "<30"
    return ">30" if random_.random() < _LATER else "NO"
