"""The rules of `whatif/standard.yaml` in OpenFisca: the other side of the what-if figure. Runs in an environment of its own.

Written as an OpenFisca author would who wants it fast: whole arrays, figures in the parameter tree, codes as small
integers taken from the file's own dictionaries, an unknown mask only for the columns that have unknowns in this file,
32-bit whole numbers. `python openfisca_model.py LINES.parquet [ANSWERS.parquet]` prints one JSON line.
"""

from __future__ import annotations

import csv
import json
import resource
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from openfisca_core.entities import build_entity
from openfisca_core.parameters import ParameterNode
from openfisca_core.periods import DateUnit
from openfisca_core.simulations import SimulationBuilder
from openfisca_core.taxbenefitsystems import TaxBenefitSystem
from openfisca_core.variables import Variable

HERE = Path(__file__).parent / "whatif"
LEVELS = (
    "none",
    "apprentice",
    "junior",
    "intermediate",
    "senior",
    "technician",
    "senior_technician",
    "special",
    "chief",
)
CODES = {
    "level": LEVELS,
    "certificate_level": LEVELS,
    "highest_level_paid": LEVELS,
    "scarcity": ("very_scarce", "scarce", "common"),
    "mode": ("offline", "online", "blended"),
    "student_status": ("none", "full_time", "graduating_year", "secondary_school"),
    "voucher_state": ("none", "claimed", "used", "verified", "in_claim", "redeemed", "returned", "expired", "void"),
    "certificate_kind": (
        "none", "vocational_qualification", "skill_level", "special_skill", "training_completion", "special_operation",
    ),
    "fund_source": ("employment_subsidy", "unemployment_insurance", "special_account", "other"),
}  # fmt: skip
NUMBERS = (
    "person_age_at_start", "planned_hours", "attended_hours", "attended_hours_den", "trainings_paid_this_year",
    "trainings_paid_lifetime",
)  # fmt: skip
TRUTHS = (
    "voucher_fits_project", "voucher_valid_on_start", "name_matches_id", "pension_drawn", "establishment_staff",
    "group_proved", "time_clash", "same_occupation_level_paid", "fund_double_paid", "skill_upgrade_paid_for_certificate",
)  # fmt: skip
TEXTS = ("group", "occupation", "certificate_occupation")
COLUMNS = (*CODES, *NUMBERS, *TRUTHS, *TEXTS)
PERIOD = "2024-06"
PASS, FAIL, UNCLEAR = 0, 1, 2

Line = build_entity(key="line", plural="lines", label="A claim", is_person=True)
OCCUPATIONS: list[str] = []


def rows() -> list[dict[str, str]]:
    """The table of standards."""
    with (HERE / "standard.csv").open(encoding="utf-8-sig") as held:
        return list(csv.DictReader(held))


def figures(*, attendance: int, a_year: int, blended: int, scarce: int) -> ParameterNode:
    """The parameter tree; ratios in per cent, so that they are exact."""
    given = {
        "min_age": 16, "attendance": attendance, "student_a_year": 1, "a_year": a_year, "blended": blended,
        "very_scarce": 100, "scarce": scarce, "common": 80, "lifetime": 3,
    }  # fmt: skip
    data = {name: {"values": {"2022-08-01": {"value": value}}} for name, value in given.items()}
    return ParameterNode("", data=data)


BEFORE = {"attendance": 80, "a_year": 2, "blended": 70, "scarce": 90}
AFTER = {"attendance": 90, "a_year": 1, "blended": 80, "scarce": 95}


def standard() -> np.ndarray:
    """The table as an array by occupation, tier and level; 0 where there is no cell."""
    held = np.zeros((len(OCCUPATIONS), 3, len(LEVELS)), dtype=np.int32)
    for row in rows():
        tier = 1 if row["hours_tier"] == "80" else 2
        if row["occupation"] in OCCUPATIONS:
            held[OCCUPATIONS.index(row["occupation"]), tier, LEVELS.index(row["level"])] = int(row["fen"])
    return held


def code(column: str, *names: str) -> list[int]:
    """The numbers of these codes."""
    return [CODES[column].index(name) for name in names]


class Facts:
    """The facts of the lines in formulas, with their masks."""

    def __init__(self, line, period, missing) -> None:
        self.line, self.period, self.missing = line, period, missing

    def __getitem__(self, name):
        return self.line(name, self.period)

    def known(self, *names):
        """None when all are known on every line, else the mask."""
        masks = [self.line(f"{name}_known", self.period) for name in names if name in self.missing]
        whole = None
        for mask in masks:
            whole = mask if whole is None else whole & mask
        return whole


def rules(facts: Facts, figure) -> dict:
    """Each rule's truth and the mask of where it can be told (None: everywhere)."""
    kind, level, occupation = facts["certificate_kind"], facts["level"], facts["occupation"]
    certified = np.isin(kind, code("certificate_kind", "vocational_qualification", "skill_level", "special_skill"))
    matching = np.isin(kind, code("certificate_kind", "vocational_qualification", "skill_level"))
    student = facts["student_status"] == CODES["student_status"].index("graduating_year")
    state = facts["voucher_state"]
    attended = facts["attended_hours"] * 100 >= facts["planned_hours"] * figure.attendance * facts["attended_hours_den"]
    counts = facts["fund_source"] == CODES["fund_source"].index("employment_subsidy")
    double = facts["fund_double_paid"] | facts["skill_upgrade_paid_for_certificate"]
    status = code("student_status", "none", "graduating_year")
    return {
        "voucher_fits": (facts["voucher_fits_project"], facts.known("voucher_fits_project")),
        "voucher_valid": (facts["voucher_valid_on_start"], facts.known("voucher_valid_on_start")),
        "voucher_unspent": (
            ~np.isin(state, code("voucher_state", "redeemed", "returned", "void")), facts.known("voucher_state"),
        ),
        "name_matches": (facts["name_matches_id"], facts.known("name_matches_id")),
        "min_age": (facts["person_age_at_start"] >= figure.min_age, facts.known("person_age_at_start")),
        "not_pensioner": (~facts["pension_drawn"], facts.known("pension_drawn")),
        "not_staff": (~facts["establishment_staff"], facts.known("establishment_staff")),
        "not_in_school": (np.isin(facts["student_status"], status), facts.known("student_status")),
        "group_covered": (facts["group"] != GROUPS.index("99"), facts.known("group")),
        "group_proved": (facts["group_proved"], facts.known("group_proved")),
        "no_clash": (~facts["time_clash"], facts.known("time_clash")),
        "attendance": (attended, facts.known("attended_hours", "planned_hours")),
        "certificate": (certified, facts.known("certificate_kind")),
        "certificate_level": (
            (kind == 0) | (facts["certificate_level"] == level), facts.known("certificate_kind", "certificate_level"),
        ),
        "certificate_occupation": (
            ~matching | (facts["certificate_occupation"] == occupation),
            facts.known("certificate_kind", "certificate_occupation"),
        ),
        "no_lower_after_higher": (level >= facts["highest_level_paid"], facts.known("level", "highest_level_paid")),
        "per_year": (
            facts["trainings_paid_this_year"] < np.where(student, figure.student_a_year, figure.a_year),
            facts.known("trainings_paid_this_year", "student_status"),
        ),
        "lifetime": (
            ~counts | (facts["trainings_paid_lifetime"] < figure.lifetime),
            facts.known("fund_source", "trainings_paid_lifetime"),
        ),
        "same_level_twice": (~facts["same_occupation_level_paid"], facts.known("same_occupation_level_paid")),
        "paid_elsewhere": (~double, facts.known("fund_double_paid", "skill_upgrade_paid_for_certificate")),
    }  # fmt: skip


GROUPS: list[str] = []


def system(missing: set[str], **values: int) -> TaxBenefitSystem:
    """The rules as variables."""

    def told(line, period, parameters):
        facts, figure = Facts(line, period, missing), parameters(PERIOD + "-01")
        refused = np.zeros(line.count, dtype=bool)
        unclear = np.zeros(line.count, dtype=bool)
        for holds, known in rules(facts, figure).values():
            if known is None:
                refused |= ~holds
            else:
                refused |= ~holds & known
                unclear |= ~known
        return refused, unclear

    class amount(Variable):
        value_type, entity, definition_period = int, Line, DateUnit.MONTH
        label = "Fen if nothing refuses, -1 where it cannot be told"

        def formula(line, period, parameters):
            facts, figure = Facts(line, period, missing), parameters(PERIOD + "-01")
            hours, level, mode = facts["planned_hours"], facts["level"], facts["mode"]
            tier = (hours >= 80).astype(np.int8) + (hours >= 120)
            base = STANDARD[facts["occupation"], tier, level]
            factor = np.array([figure.very_scarce, figure.scarce, figure.common], dtype=np.int32)
            lower = level <= LEVELS.index("senior")
            share = np.where(lower, factor[facts["scarcity"]], 100)
            share = share * np.where(mode == CODES["mode"].index("blended"), figure.blended, 100)
            # Exact: fen × per cent × per cent stays whole, one half-up rounding to whole yuan at the end.
            due = (base.astype(np.int64) * share * 2 + 1_000_000) // 2_000_000 * 100
            told = (base > 0) & (mode != CODES["mode"].index("online"))
            scarce = facts.known("scarcity")
            if scarce is not None:
                told &= ~lower | scarce
            return np.where(told, due, -1)

    class outcome(Variable):
        value_type, entity, definition_period = int, Line, DateUnit.MONTH
        label = "0 pass, 1 fail, 2 cannot tell"

        def formula(line, period, parameters):
            refused, unclear = told(line, period, parameters)
            unclear |= line("amount", period) < 0
            return np.where(refused, FAIL, np.where(unclear, UNCLEAR, PASS))

    made = TaxBenefitSystem([Line])
    made.parameters = figures(**values)
    for name in COLUMNS:
        kind = bool if name in TRUTHS else int
        body = {"value_type": kind, "entity": Line, "definition_period": DateUnit.MONTH, "label": name}
        made.add_variable(type(name, (Variable,), body))
        if name in missing:
            body = body | {"value_type": bool}
            made.add_variable(type(f"{name}_known", (Variable,), body))
    made.add_variables(amount, outcome)
    return made


def read(path: str) -> tuple[dict[str, np.ndarray], set[str], dict[str, tuple[np.ndarray, list[str]]]]:
    """The columns as arrays (codes as small integers), which have unknowns, and the columns to group by."""
    table = pq.read_table(path, columns=[*COLUMNS, "region"], read_dictionary=[*CODES, *TEXTS])
    arrays: dict[str, np.ndarray] = {}
    missing: set[str] = set()
    occupations: dict[str, None] = dict.fromkeys(row["occupation"] for row in rows())
    for name in (*CODES, *TEXTS):
        column = table[name].unify_dictionaries().combine_chunks()
        words = column.chunk(0).dictionary if isinstance(column, pa.ChunkedArray) else column.dictionary
        held = words.to_pylist()
        if name in CODES:
            places = [CODES[name].index(word) for word in held]
        elif name == "group":
            GROUPS[:] = [*held, *(["99"] if "99" not in held else [])]
            places = list(range(len(held)))
        else:
            occupations |= dict.fromkeys(held)
            places = [list(occupations).index(word) for word in held]
        numbers = np.array(places, dtype=np.int32)
        found = column.indices if not isinstance(column, pa.ChunkedArray) else column.chunk(0).indices
        if column.null_count:
            missing.add(name)
            arrays[f"{name}_known"] = pc.is_valid(column).to_numpy(zero_copy_only=False)
            found = found.fill_null(0)
        arrays[name] = numbers[found.to_numpy()]
    for name in (*NUMBERS, *TRUTHS):
        column = table[name]
        if column.null_count:
            missing.add(name)
            arrays[f"{name}_known"] = pc.is_valid(column).to_numpy()
            column = column.fill_null(False if name in TRUTHS else 0)
        array = column.to_numpy()
        arrays[name] = array if name in TRUTHS else array.astype(np.int32)
    OCCUPATIONS[:] = list(occupations)
    region = table["region"].to_numpy()
    return arrays, missing, {"group": (arrays["group"], list(GROUPS)), "region": (region - region.min(), [])}


STANDARD = np.zeros((0, 3, len(LEVELS)), dtype=np.int32)


def decide(arrays: dict, missing: set[str], values: dict[str, int]):
    """Outcome, fen and the simulation of one side."""
    made = system(missing, **values)
    count = len(arrays["level"])
    simulation = SimulationBuilder().build_default_simulation(made, count)
    for name, array in arrays.items():
        simulation.set_input(name, PERIOD, array)
    outcome = simulation.calculate("outcome", PERIOD)
    amount = simulation.calculate("amount", PERIOD)
    return outcome, np.where(outcome == FAIL, 0, amount), simulation, made


def main() -> None:
    """Compare before and after on the lines, add up, print."""
    global STANDARD
    begin = time.perf_counter()
    arrays, missing, groups = read(sys.argv[1])
    STANDARD = standard()
    before, fen_before, _, _ = decide(arrays, missing, BEFORE)
    after, fen_after, simulation, made = decide(arrays, missing, AFTER)
    due_before, due_after = np.maximum(fen_before, 0), np.maximum(fen_after, 0)
    told = (before != UNCLEAR) & (after != UNCLEAR)
    difference = np.where(told, due_after - due_before, 0)
    refused = (after == FAIL) & (before != FAIL)
    facts = Facts(simulation.populations["line"], PERIOD, missing)
    reasons = {}
    for name, (holds, known) in rules(facts, made.parameters(PERIOD + "-01")).items():
        failing = refused & ~holds if known is None else refused & ~holds & known
        count = int(failing.sum())
        if count:
            reasons[name] = count
    result = {
        "lines": len(before),
        "before": [[int((before == one).sum()), int(due_before[before == one].sum())] for one in range(3)],
        "after": [[int((after == one).sum()), int(due_after[after == one].sum())] for one in range(3)],
        "winners": int((difference > 0).sum()),
        "losers": int((difference < 0).sum()),
        "refused": reasons,
        "groups": {
            name: sorted(int(sum_) for sum_ in np.bincount(place, weights=difference).astype(np.int64))
            for name, (place, _) in groups.items()
        },
    }  # fmt: skip
    seconds = time.perf_counter() - begin
    if len(sys.argv) > 2:
        columns = {"outcome_before": before, "outcome_after": after, "fen_before": fen_before, "fen_after": fen_after}
        pq.write_table(pa.table({name: pa.array(column) for name, column in columns.items()}), sys.argv[2])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps({"seconds": seconds, "peak_mb": peak, "result": result}))


if __name__ == "__main__":
    main()
