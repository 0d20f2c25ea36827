"""Made-up lines of subsidised trainings in Tianjin as a Parquet file, the same for the same seed.

Most lines are in order, a few per cent break a rule, lack a fact or name an occupation that no table has: what a
bureau's year of claims looks like. One row a claim: `id`, the facts of the scheme `training`, and `region`.
"""

from __future__ import annotations

import re
from pathlib import Path

import duckdb

PLACE, SCHEME, ON_COLUMN = 120000, "training", "class_start"
OCCUPATIONS = ("6-18-01-11", "6-18-02-02", "6-18-02-04", "6-18-04-01", "6-20-01-01", "6-20-03-01")

# dice(name, n): a number below n that depends on line, name and seed alone; odds(name, m): holds for m of 1000 lines;
# rare(name, value, m): unknown for m of 1000; pick(name, list): one of the list.
MACROS = """
CREATE MACRO dice(i, name, n) AS (hash(hash(i, name, {seed})) % n::ubigint)::bigint;
CREATE MACRO odds(i, name, m) AS dice(i, name, 1000) < m;
CREATE MACRO pick(i, name, list) AS list[1 + dice(i, name, len(list))];
CREATE MACRO rare(i, name, value, m) AS CASE WHEN odds(i, name || '?', m) THEN NULL ELSE value END;
"""
FACTS = {
    "person_age_at_start": "CASE WHEN odds('young', 3) THEN 15 ELSE 16::bigint + dice('age', 44) END",
    "name_matches_id": "rare('name', NOT odds('name', 2), 4)",
    "pension_drawn": "rare('pension', odds('pension', 4), 8)",
    "retirement_age_reached": "rare('retired', odds('retired', 2), 5)",
    "establishment_staff": "rare('staff', odds('staff', 3), 5)",
    "found_in_breach": "rare('breach', odds('breach', 1), 2)",
    "local_hukou": "odds('hukou', 700)",
    "local_residence_permit": "odds('permit', 200)",
    "student_status": "CASE WHEN odds('student', 60) THEN 'graduating_year' WHEN odds('pupil', 3) THEN 'full_time'"
    " ELSE 'none' END",
    "group": "pick('group', ['12', '12', '12', '06', '06', '05', '05', '07', '09', '11', '14', '13'])",
    "group_proved": "rare('proved', NOT odds('proved', 10), 15)",
    "occupation": f"CASE WHEN odds('odd', 5) THEN '4-10-01-05' ELSE pick('occupation', {list(OCCUPATIONS)}) END",
    "level": "pick('level', ['junior', 'junior', 'intermediate', 'intermediate', 'intermediate', 'senior', 'senior',"
    " 'technician', 'senior_technician'])",
    "kind": "'skill_level'",
    "category": "pick('category', ['A', 'A', 'B', 'C'])",
    "scarcity": "rare('scarcity', pick('scarcity', ['very_scarce', 'scarce', 'scarce', 'common', 'common']), 6)",
    "mode": "CASE WHEN odds('online', 4) THEN 'online' WHEN odds('blended', 180) THEN 'blended' ELSE 'offline' END",
    "site_kind": "CASE WHEN odds('base', 20) THEN 'public_training_base' ELSE 'ordinary' END",
    "class_start": "DATE '2022-08-01' + dice('day', 1380)::int",
    "planned_hours": "pick('planned', [80, 80, 80, 96, 120, 120, 120, 120, 160])::bigint",
    "attended_hours": "rare('attended', (planned_hours * (76 + dice('attended', 25)) * 45) // 100, 3)",
    "attended_hours_den": "45::bigint",
    "time_clash": "rare('clash', odds('clash', 3), 4)",
    "voucher_state": "CASE WHEN odds('spent', 2) THEN 'redeemed' ELSE 'verified' END",
    "voucher_fits_project": "NOT odds('fits', 2)",
    "voucher_valid_on_start": "NOT odds('valid', 2)",
    "exam_passed": "NOT odds('exam', 60)",
    "certificate_kind": "CASE WHEN odds('without', 40) THEN 'none' WHEN odds('qualified', 200)"
    " THEN 'vocational_qualification' ELSE 'skill_level' END",
    "certificate_level": "CASE WHEN odds('other', 4) THEN 'junior' ELSE level END",
    "certificate_occupation": "CASE WHEN odds('elsewhere', 3) THEN '6-18-02-02' ELSE occupation END",
    "certificate_registered": "rare('registered', NOT odds('registered', 4), 20)",
    "trainings_paid_lifetime": "CASE WHEN odds('often', 20) THEN 3::bigint ELSE dice('lifetime', 3) END",
    "trainings_paid_this_year": "CASE WHEN odds('again', 15) THEN 2::bigint ELSE dice('year', 2) * dice('year2', 2) END",
    "same_occupation_level_paid": "odds('same', 8)",
    "highest_level_paid": "CASE WHEN odds('higher', 4) THEN 'senior_technician' ELSE 'none' END",
    "skill_upgrade_paid_for_certificate": "odds('upgrade', 4)",
    "fund_double_paid": "odds('double', 3)",
    "fund_source": "pick('fund', ['employment_subsidy', 'employment_subsidy', 'unemployment_insurance',"
    " 'special_account'])",
    "region": "120101 + dice('region', 16)",
}


def write_lines(path: Path, count: int, seed: int = 7) -> None:
    """Write `count` lines to the Parquet file `path`."""
    with duckdb.connect() as connection:
        connection.execute(MACROS.format(seed=seed))
        made = {name: re.sub(r"\b(dice|odds|pick|rare)\(", r"\1(i, ", text) for name, text in FACTS.items()}
        nested = ", ".join(f'{text} AS "{name}"' for name, text in made.items())
        connection.execute(
            f"COPY (SELECT i AS id, {nested} FROM range({count}) AS lines(i)) TO '{path}' (FORMAT parquet)"
        )
