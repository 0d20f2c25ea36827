-- The facts of claim lines from the tables they rest on, one row a line, NULL for what is not known: the same meaning as
-- `subsidies.facts.claim_facts`, which a test compares fact by fact. The two conditions that choose claims and lines come
-- from facts_sql.py, as do ranges of people: all that a line rests on names its person, so that every table is read once
-- however many ranges a city is judged in. A number that chooses a row packs its rank above its id, so that one pass finds the row.
-- `classes` and `running` are read once, all after them once a range.
--
-- What all lines of a class share is worked out once a class, `alike` with it: the first part of the text a decision keeps.
-- The last select has the facts of a line alone.
WITH classes AS MATERIALIZED (
    SELECT k.*, left(ROW({alike})::text, -1) || ',' AS alike
    FROM (
        SELECT c.city_code,
               c.id AS claim_id,
               k.id AS class_id,
               p.id AS project_id,
               p.entry_id,
               k.site_id,
               x.id AS exam_id,
               p.provider_id,
               p.region_id,
               (k.starts_on::timestamp AT TIME ZONE 'Asia/Shanghai') AS start_at,
               (k.ends_on + 1)::timestamp AT TIME ZONE 'Asia/Shanghai' AS end_at,
               k.ends_on,
               date_part('year', k.starts_on)::int AS year,
               date_part('month', k.starts_on)::int * 100 + date_part('day', k.starts_on)::int AS month_day,
               k.minutes_per_hour,
               coalesce(p.level, 0) AS rank,
               TRUE AS name_matches_id,
               p.occupation_id::text AS occupation,
               ({levels})[coalesce(p.level, 0) + 1] AS level,
               CASE p.kind
                   WHEN 'apprenticeship' THEN 'apprenticeship'
                   WHEN 'order' THEN 'targeted'
                   WHEN 'package' THEN 'project_based'
                   WHEN 'special_ability' THEN 'special_skill'
                   WHEN 'startup' THEN NULL
                   ELSE CASE p.certificate_kind
                       WHEN 'qualification' THEN 'skill_level'
                       WHEN 'skill_level' THEN 'skill_level'
                       WHEN 'special_ability' THEN 'special_skill'
                       WHEN 'special_operation' THEN 'safety'
                       WHEN 'completion' THEN 'no_certificate'
                   END
               END AS kind,
               nullif(e.category, '')::text AS category,
               e.scarcity::text AS scarcity,
               p.mode::text AS mode,
               (CASE WHEN s.kind IN ('own', 'enterprise') THEN 'ordinary' ELSE s.kind END)::text AS site_kind,
               k.starts_on AS class_start,
               k.hours::bigint AS planned_hours,
               p.theory_hours::bigint AS theory_hours,
               p.practice_hours::bigint AS practice_hours,
               p.safety_hours::bigint AS safety_hours,
               o.in_provider_directory AND o.state = 'listed' AS provider_in_directory,
               o.state IN ('suspended', 'removed') AS provider_sanctioned,
               (CASE WHEN p.fund_source IN ('employment_subsidy', 'unemployment_insurance', 'special_account')
                   THEN p.fund_source ELSE 'other' END)::text AS fund_source{bound_columns}
        FROM claim c
        JOIN training_class k ON k.city_code = c.city_code AND k.id = c.training_class_id
        JOIN project p ON p.city_code = c.city_code AND p.id = k.project_id
        JOIN catalogue_entry e ON e.city_code = c.city_code AND e.id = p.entry_id
        JOIN organisation o ON o.city_code = c.city_code AND o.id = p.provider_id
        JOIN site s ON s.city_code = c.city_code AND s.id = k.site_id
        LEFT JOIN exam x ON x.city_code = c.city_code AND x.training_class_id = k.id AND x.state = 'published'{bound}
        WHERE c.city_code = %(city)s AND {claims}
    ) k{k}
),
running AS {once}(
    SELECT c.id, c.starts_on, c.ends_on
    FROM training_class c
    WHERE c.city_code = %(city)s AND c.state IN ('filed', 'accepted', 'running', 'ended', 'assessed', 'in_claim', 'closed'){c}
),
lines AS MATERIALIZED (
    -- All that is at most one row a line. Joined from the left, the person too, of whom there is always one: a range of people
    -- on both sides of an inner join has the planner expect a few lines only, and it hashes the long side of what follows.
    SELECT *
    FROM (
        SELECT l.id,
               l.claim_id,
               l.person_id,
               l.enrolment_id,
               l.voucher_id,
               l.state,
               l.credited_minutes,
               l.decision_id,
               k.class_id,
               k.class_start,
               k.ends_on,
               k.start_at,
               k.end_at,
               k.year,
               k.rank,
               k.occupation,
               n."group",
               n.employer_uscc,
               n.prepaid_by_person,
               r.id AS result_id,
               r.passed,
               t.id AS certificate_id,
               t.number,
               t.kind AS certificate_kind,
               t.level AS certificate_rank,
               t.occupation_id AS certificate_occupation,
               t.state AS certificate_state,
               g.granted_on AS own_on,
               g.id AS own_grant,
               h.birth_date,
               v.state AS voucher_state,
               v.provider_id AS voucher_provider,
               v.used_at,
               b.id AS batch_id,
               b.project_id AS batch_project,
               b.use_until
        FROM {first}
        LEFT JOIN enrolment n ON n.city_code = l.city_code AND n.id = l.enrolment_id{n}
        LEFT JOIN exam_result r ON r.city_code = l.city_code AND r.exam_id = k.exam_id AND r.enrolment_id = l.enrolment_id{r}
        LEFT JOIN certificate t ON t.city_code = l.city_code AND t.result_id = r.id AND t.state <> 'replaced'{t}
        -- What was granted for this very line, and after it, is no earlier grant.
        LEFT JOIN person_grant g ON g.person_id = l.person_id AND g.claim_line_id = l.id AND g.city_code = l.city_code
            AND g.withdrawn_on IS NULL{g}
        LEFT JOIN person h ON h.city_code = l.city_code AND h.id = l.person_id{h}
        LEFT JOIN voucher v ON v.city_code = l.city_code AND v.id = l.voucher_id{v}
        LEFT JOIN voucher_batch b ON b.city_code = v.city_code AND b.id = v.batch_id
        WHERE l.city_code = %(city)s AND {lines}{l}
        OFFSET 0
    ) l
    WHERE l.class_id IS NOT NULL
),
standing AS (
    -- What a person's registers say on every day on which all their rows hold: then no line needs to look at each row.
    SELECT s.person_id,
           -- That something holds, without a day since when, is sure from the day it was looked up.
           max(CASE WHEN s.holds AND s.valid_from IS NULL THEN s.checked_on ELSE s.valid_from END) AS since,
           min(s.valid_to) AS until,
           max({status}) FILTER (WHERE s.kind = 'pension') AS pension,
           max({status}) FILTER (WHERE s.kind = 'establishment') AS establishment,
           max({status}) FILTER (WHERE s.kind = 'student') AS student
    FROM person_status s
    WHERE s.city_code = %(city)s{s}
    GROUP BY s.person_id
),
belonging AS (
    -- The same of the groups a person belongs to, where it is one.
    SELECT m.person_id,
           max(m.valid_from) AS since,
           min(m.valid_to) AS until,
           min(m."group" COLLATE "C") AS "group",
           max(m."group" COLLATE "C") AS other,
           max({membership}) AS strongest
    FROM group_membership m
    WHERE m.city_code = %(city)s{m}
    GROUP BY m.person_id
),
known AS (
    -- Both on the first day of class. Where a row began or ended meanwhile, each row is looked at: that something holds, looked up
    -- later without a day since when, leaves unknown what had been answered with no (`registry.selectors.known_statuses`).
    SELECT l.*,
           CASE WHEN l.each_status IS NULL THEN l.all_pension ELSE l.each_status[1] END AS pension,
           CASE WHEN l.each_status IS NULL THEN l.all_establishment ELSE l.each_status[2] END AS establishment,
           CASE WHEN l.each_status IS NULL THEN l.all_student ELSE l.each_status[3] END AS student,
           CASE WHEN l.each_group IS NOT NULL THEN l.each_group[1] WHEN l.only_group = '14' THEN l.all_group END AS graduating,
           CASE WHEN l.each_group IS NOT NULL THEN l.each_group[2] WHEN l.only_group = l."group" THEN l.all_group END AS own
    FROM (
        SELECT l.*,
               s.pension AS all_pension,
               s.establishment AS all_establishment,
               s.student AS all_student,
               m."group" AS only_group,
               m.strongest AS all_group,
               CASE WHEN s.since > l.class_start OR s.until < l.class_start THEN (
                   SELECT ARRAY[
                       max(a.said) FILTER (WHERE a.kind = 'pension'),
                       max(a.said) FILTER (WHERE a.kind = 'establishment'),
                       max(a.said) FILTER (WHERE a.kind = 'student')
                   ]
                   FROM (
                       SELECT s.kind,
                              max({status}) FILTER (WHERE NOT s.holds OR s.valid_from IS NOT NULL OR s.checked_on <= l.class_start)
                                  AS said,
                              max({status}) FILTER (WHERE s.holds AND s.valid_from IS NULL AND s.checked_on > l.class_start)
                                  AS unsure
                       FROM person_status s
                       WHERE s.city_code = %(city)s AND s.person_id = l.person_id
                           AND (s.valid_from IS NULL OR s.valid_from <= l.class_start)
                           AND (s.valid_to IS NULL OR s.valid_to >= l.class_start)
                       GROUP BY s.kind
                   ) a
                   WHERE (a.unsure > a.said AND a.said & 1 = 0) IS NOT TRUE
               ) END AS each_status,
               CASE WHEN m.since > l.class_start OR m.until < l.class_start OR m."group" <> m.other THEN (
                   SELECT ARRAY[
                       max({membership}) FILTER (WHERE m."group" = '14'),
                       max({membership}) FILTER (WHERE m."group" = l."group")
                   ]
                   FROM group_membership m
                   WHERE m.city_code = %(city)s AND m.person_id = l.person_id
                       AND m.valid_from <= l.class_start
                       AND (m.valid_to IS NULL OR m.valid_to >= l.class_start)
               ) END AS each_group
        FROM lines l
        LEFT JOIN standing s ON s.person_id = l.person_id
        LEFT JOIN belonging m ON m.person_id = l.person_id
        OFFSET 0
    ) l
),
earlier AS (
    SELECT l.id,
           count(*) FILTER (WHERE g.scheme = 'training') AS trainings,
           count(*) FILTER (WHERE g.scheme = 'training' AND date_part('year', g.granted_on) = l.year) AS this_year,
           count(*) FILTER (WHERE g.scheme = 'skill_upgrade' AND date_part('year', g.granted_on) = l.year) AS upgrades,
           -- The highest level, of several grants the earliest.
           max((g.level::bigint << 58) - ((g.granted_on - DATE '1900-01-01')::bigint << 40) - g.id)
               FILTER (WHERE g.scheme = 'training' AND g.occupation_code = l.occupation) AS highest,
           min(((g.granted_on - DATE '1900-01-01')::bigint << 40) + g.id) FILTER (
               WHERE g.scheme = 'training' AND g.occupation_code = l.occupation AND l.rank > 0 AND g.level = l.rank
           ) AS same,
           min(((g.granted_on - DATE '1900-01-01')::bigint << 40) + g.id) FILTER (
               WHERE g.fund_source = 'unemployment_insurance' AND g.occupation_code = l.occupation AND g.level = l.rank
           ) AS insured,
           min(((g.granted_on - DATE '1900-01-01')::bigint << 40) + g.id) FILTER (WHERE c.same) AS certified,
           bool_or(g.scheme = 'training') FILTER (WHERE c.same) AS certified_training,
           bool_or(g.scheme = 'skill_upgrade') FILTER (WHERE c.same) AS certified_upgrade
    FROM lines l
    JOIN person_grant g ON g.person_id = l.person_id{g}
        AND g.withdrawn_on IS NULL
        AND (l.own_grant IS NULL OR (g.granted_on, g.id) < (l.own_on, l.own_grant))
    -- The certificate that counts now, or one in whose place it came. Only a number that is another is looked up, each by itself:
    -- joined, the whole table would be read.
    LEFT JOIN LATERAL (
        SELECT g.certificate_number = l.number OR EXISTS (
            SELECT 1 FROM certificate o
            WHERE o.city_code = %(city)s AND o.number = g.certificate_number AND o.result_id = l.result_id
            OFFSET 0
        ) AS same
        WHERE g.certificate_number <> '' AND l.certificate_id IS NOT NULL
        OFFSET 0
    ) c ON TRUE
    GROUP BY l.id
),
overlapping AS (
    -- Another class of the person that ran at the same time.
    SELECT l.id, l.class_id, l.start_at, l.end_at, c.id AS other_class_id
    FROM lines l
    JOIN enrolment other ON other.city_code = %(city)s AND other.person_id = l.person_id{other}
        AND other.training_class_id <> l.class_id AND other.state IN ('listed', 'attending', 'completed')
    JOIN running c ON c.id = other.training_class_id AND c.starts_on <= l.ends_on AND c.ends_on >= l.class_start
    OFFSET 0
),
clashes AS (
    SELECT o.id, bool_or(o.certain) AS certain
    FROM (
        SELECT o.id, (
            SELECT bool_or(EXISTS (
                SELECT 1
                FROM class_session mine
                WHERE mine.city_code = %(city)s AND mine.training_class_id = o.class_id AND mine.period && theirs.period
            ))
            FROM class_session theirs
            WHERE theirs.city_code = %(city)s AND theirs.training_class_id = o.other_class_id
                AND theirs.period && tstzrange(o.start_at, o.end_at)
        ) AS certain
        FROM overlapping o
        OFFSET 0
    ) o
    WHERE o.certain IS NOT NULL
    GROUP BY o.id
),
employed AS (
    -- The job on the first day: with the employer named on the roster, else the latest.
    SELECT DISTINCT ON (l.id)
           l.id, l.class_start, j.id AS job_id, j.from_on, j.contract_until + 1 AS contract_end, j.open_ended, j.insured
    FROM lines l
    JOIN job_record j ON j.city_code = %(city)s AND j.person_id = l.person_id{j}
        AND j.voided_on IS NULL AND j.from_on <= l.class_start AND (j.to_on IS NULL OR j.to_on >= l.class_start)
    ORDER BY l.id, (l.employer_uscc <> '' AND j.employer_uscc = l.employer_uscc) DESC, j.from_on DESC, j.id DESC
),
hired AS (
    -- Whole months, a month that lacks the day being full on its last day; since the contract a month begun counts.
    SELECT e.id,
           e.job_id,
           CASE WHEN e.insured THEN TRUE END AS insured,
           CASE
               WHEN e.open_ended THEN 1200
               WHEN e.contract_end IS NOT NULL THEN greatest(0, (
                   (date_part('year', e.contract_end) - date_part('year', e.from_on)) * 12
                   + date_part('month', e.contract_end) - date_part('month', e.from_on)
                   - (date_part('day', e.contract_end) < date_part('day', e.from_on)
                      AND date_part('month', e.contract_end + 1) = date_part('month', e.contract_end))::int
               ))
           END::bigint AS contract_months,
           CASE
               WHEN e.class_start = e.from_on THEN 0
               ELSE 1 + greatest(0, (
                   (date_part('year', e.class_start - 1) - date_part('year', e.from_on)) * 12
                   + date_part('month', e.class_start - 1) - date_part('month', e.from_on)
                   - (date_part('day', e.class_start - 1) < date_part('day', e.from_on)
                      AND date_part('month', e.class_start) = date_part('month', e.class_start - 1))::int
               ))
           END::bigint AS months_since_hired
    FROM employed e
)
SELECT l.id,
       l.claim_id,
       l.prepaid_by_person AS prepaid,
       g.id IS NULL AS first_time,
       k.year - date_part('year', l.birth_date)::bigint
           - (k.month_day < date_part('month', l.birth_date)::int * 100 + date_part('day', l.birth_date)::int)::int
           AS person_age_at_start,
       (l.pension & 1) = 1 AS pension_drawn,
       (l.establishment & 1) = 1 AS establishment_staff,
       CASE
           WHEN l.graduating IS NOT NULL THEN 'graduating_year'
           WHEN (l.student & 1) = 1 THEN 'full_time'
           WHEN (l.student & 1) = 0 THEN 'none'
       END AS student_status,
       l."group"::text AS "group",
       CASE WHEN l.own >> 61 > 0 THEN TRUE END AS group_proved,
       l.credited_minutes::bigint AS attended_hours,
       k.minutes_per_hour::bigint AS attended_hours_den,
       CASE
           WHEN z.certain IS NULL THEN FALSE
           WHEN z.certain THEN TRUE
           WHEN EXISTS (
               SELECT 1 FROM class_session own WHERE own.city_code = %(city)s AND own.training_class_id = k.class_id
           ) THEN FALSE
       END AS time_clash,
       -- A voucher that was paid with this very line was in the claim when the line was judged.
       CASE WHEN l.voucher_state = 'redeemed' AND l.state = 'paid' THEN 'in_claim' ELSE l.voucher_state::text END AS voucher_state,
       CASE WHEN l.batch_project IS NOT NULL THEN l.batch_project = k.project_id
            WHEN l.batch_id IS NOT NULL THEN batch_covers(%(city)s, l.batch_id, k.project_id) END
           AND coalesce(l.voucher_provider = k.provider_id, TRUE) AS voucher_fits_project,
       l.voucher_state <> 'expired' AND coalesce(l.used_at, k.start_at) <= l.use_until AS voucher_valid_on_start,
       l.passed AS exam_passed,
       CASE
           WHEN l.certificate_state = 'revoked' OR l.certificate_id IS NULL AND NOT l.passed THEN 'none'
           WHEN l.certificate_state <> 'suspended' THEN CASE l.certificate_kind
               WHEN 'qualification' THEN 'vocational_qualification'
               WHEN 'special_ability' THEN 'special_skill'
               WHEN 'completion' THEN 'training_completion'
               ELSE l.certificate_kind
           END
       END AS certificate_kind,
       CASE WHEN l.certificate_state NOT IN ('revoked', 'suspended') THEN ({levels})[coalesce(l.certificate_rank, 0) + 1] END
           AS certificate_level,
       CASE WHEN l.certificate_state NOT IN ('revoked', 'suspended') THEN l.certificate_occupation::text END AS certificate_occupation,
       CASE WHEN l.certificate_state NOT IN ('revoked', 'suspended') THEN TRUE END AS certificate_registered,
       coalesce(g.trainings, 0) AS trainings_paid_lifetime,
       coalesce(g.this_year, 0) AS trainings_paid_this_year,
       coalesce(g.upgrades, 0) AS skill_upgrades_paid_this_year,
       g.same IS NOT NULL AS same_occupation_level_paid,
       ({levels})[coalesce((g.highest + ((1::bigint << 58) - 1)) >> 58, 0) + 1] AS highest_level_paid,
       CASE WHEN l.certificate_state NOT IN ('revoked', 'suspended') THEN coalesce(g.certified_training, FALSE) END
           AS training_paid_for_certificate,
       CASE WHEN l.certificate_state NOT IN ('revoked', 'suspended') THEN coalesce(g.certified_upgrade, FALSE) END
           AS skill_upgrade_paid_for_certificate,
       g.insured IS NOT NULL AS fund_double_paid,
       w.contract_months,
       w.months_since_hired,
       w.insured AS employer_insured,
       ARRAY[
           l.person_id,
           l.enrolment_id,
           k.class_id,
           k.project_id,
           k.entry_id,
           k.provider_id,
           k.site_id,
           l.voucher_id,
           l.pension >> 1 & ((1::bigint << 43) - 1),
           l.establishment >> 1 & ((1::bigint << 43) - 1),
           l.student >> 1 & ((1::bigint << 43) - 1),
           l.graduating & ((1::bigint << 43) - 1),
           l.own & ((1::bigint << 43) - 1),
           -g.highest & ((1::bigint << 40) - 1),
           g.same & ((1::bigint << 40) - 1),
           g.insured & ((1::bigint << 40) - 1),
           CASE WHEN l.certificate_state NOT IN ('revoked', 'suspended') THEN g.certified & ((1::bigint << 40) - 1) END,
           l.result_id,
           l.certificate_id,
           w.job_id
       ] AS evidence{more}
FROM known l
JOIN classes k ON k.claim_id = l.claim_id
LEFT JOIN earlier g ON g.id = l.id
LEFT JOIN clashes z ON z.id = l.id
LEFT JOIN hired w ON w.id = l.id
