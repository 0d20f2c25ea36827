-- The facts of claim lines from the tables they rest on, one row a line, NULL for what is not known: the same meaning as
-- `subsidies.facts.claim_facts`, which a test compares fact by fact. The two conditions that choose claims and lines come
-- from facts_sql.py, as do ranges of people: all that a line rests on names its person, so that every table is read once
-- however many ranges a city is judged in. A number that chooses a row packs its rank above its id, so that one pass finds the row.
-- `classes` is read once, all after it once a range.
--
-- What all lines of a class share is worked out once a class, and so are two parts of the text a decision keeps: `alike`, the
-- first, and `certified`, the last of who passed and has the certificate that the class leads to (`certificate_due`).
-- The last select has the facts of a line alone.
WITH classes AS MATERIALIZED (
    SELECT k.*,
           left(ROW({alike})::text, -1) || ',' AS alike,
           ',' || right(left(ROW(TRUE, k.certificate_due, k.level, k.occupation, TRUE)::text, -1), -1) AS certified
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
               CASE p.certificate_kind
                   WHEN 'qualification' THEN 'vocational_qualification'
                   WHEN 'special_ability' THEN 'special_skill'
                   WHEN 'completion' THEN 'training_completion'
                   ELSE p.certificate_kind
               END AS certificate_due,
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
{people}lines AS (
    -- The lines with what the registers say of their person: statuses and groups as on every day on which all their rows hold, the
    -- grant of who has one, the classes of who was on two rosters, whether there are jobs. Only lines that this does not
    -- answer look at each row. All in the order of people: each table is read along its index, beside the others. What brings
    -- few columns comes first, for every join hands on those of all before it.
    SELECT l.id,
           l.city_code,
           l.claim_id,
           l.person_id,
           l.enrolment_id,
           l.voucher_id,
           l.state,
           l.credited_minutes,
           l.decision_id,
           h.birth_date,
           o.granted_on AS own_on,
           o.id AS own_grant,
           s.since AS status_since,
           s.until AS status_until,
           s.pension AS all_pension,
           s.establishment AS all_establishment,
           s.student AS all_student,
           m.since AS group_since,
           m.until AS group_until,
           m."group" AS only_group,
           m.other AS other_group,
           m.strongest AS all_group,
           g.grants,
           g.grant_granted_on,
           g.grant_id,
           g.grant_level,
           g.grant_scheme,
           g.grant_occupation_code,
           g.grant_fund_source,
           g.grant_certificate_number,
           n."group",
           n.prepaid_by_person,
           n.employer_uscc,
           v.state AS voucher_is,
           v.provider_id AS voucher_provider,
           v.used_at AS voucher_used_at,
           v.batch_id AS voucher_batch,
           e.rosters,
           e.first_class,
           e.last_class,
           j.person_id IS NOT NULL AS worked
    FROM {first}
    LEFT JOIN person h ON h.city_code = l.city_code AND h.id = l.person_id{h}
    LEFT JOIN (
        SELECT j.person_id FROM job_record j WHERE j.city_code = %(city)s{j} GROUP BY j.person_id
    ) j ON j.person_id = l.person_id
    LEFT JOIN person_grant o ON o.person_id = l.person_id AND o.claim_line_id = l.id AND o.city_code = l.city_code
        AND o.withdrawn_on IS NULL{o}
    LEFT JOIN (
        SELECT e.person_id,
               count(*) AS rosters,
               min(e.training_class_id) AS first_class,
               max(e.training_class_id) AS last_class
        FROM enrolment e
        WHERE e.city_code = %(city)s{e}
        GROUP BY e.person_id
    ) e ON e.person_id = l.person_id
    LEFT JOIN enrolment n ON n.city_code = l.city_code AND n.person_id = l.person_id AND n.id = l.enrolment_id{n}
    LEFT JOIN voucher v ON v.city_code = l.city_code AND v.person_id = l.person_id AND v.id = l.voucher_id{v}
    LEFT JOIN (
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
    ) s ON s.person_id = l.person_id
    LEFT JOIN (
        SELECT m.person_id,
               max(m.valid_from) AS since,
               min(m.valid_to) AS until,
               min(m."group" COLLATE "C") AS "group",
               max(m."group" COLLATE "C") AS other,
               max({membership}) AS strongest
        FROM group_membership m
        WHERE m.city_code = %(city)s{m}
        GROUP BY m.person_id
    ) m ON m.person_id = l.person_id
    LEFT JOIN (
        SELECT g.person_id,
               count(*) AS grants,
               min(g.granted_on) AS grant_granted_on,
               min(g.id) AS grant_id,
               min(g.level) AS grant_level,
               min(g.scheme COLLATE "C") AS grant_scheme,
               min(g.occupation_code COLLATE "C") AS grant_occupation_code,
               min(g.fund_source COLLATE "C") AS grant_fund_source,
               min(g.certificate_number COLLATE "C") AS grant_certificate_number
        FROM person_grant g
        WHERE g.withdrawn_on IS NULL{g}
        GROUP BY g.person_id
    ) g ON g.person_id = l.person_id
    WHERE l.city_code = %(city)s AND {lines}{l}
    OFFSET 0
)
SELECT l.id,
       l.claim_id,
       l.prepaid_by_person AS prepaid,
       coalesce(l.each_grant[1], 0) = 0 AS first_time,
       {age} AS person_age_at_start,
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
       l.minutes_per_hour::bigint AS attended_hours_den,
       CASE
           WHEN l.clash IS NULL THEN FALSE
           WHEN l.clash THEN TRUE
           WHEN EXISTS (
               SELECT 1 FROM class_session own WHERE own.city_code = %(city)s AND own.training_class_id = l.class_id
           ) THEN FALSE
       END AS time_clash,
       l.voucher_state,
       l.voucher_fits_project,
       l.voucher_valid_on_start,
       l.passed AS exam_passed,
       CASE
           WHEN l.certificate_registered THEN CASE l.certificate_kind
               WHEN 'qualification' THEN 'vocational_qualification'
               WHEN 'special_ability' THEN 'special_skill'
               WHEN 'completion' THEN 'training_completion'
               ELSE l.certificate_kind
           END
           WHEN l.certificate_state = 'revoked' OR l.certificate_id IS NULL AND NOT l.passed THEN 'none'
       END AS certificate_kind,
       CASE WHEN l.certificate_registered THEN ({levels})[coalesce(l.certificate_rank, 0) + 1] END AS certificate_level,
       CASE WHEN l.certificate_registered THEN l.certificate_occupation::text END AS certificate_occupation,
       l.certificate_registered,
       coalesce(l.each_grant[2], 0) AS trainings_paid_lifetime,
       coalesce(l.each_grant[3], 0) AS trainings_paid_this_year,
       coalesce(l.each_grant[4], 0) AS skill_upgrades_paid_this_year,
       l.each_grant[6] IS NOT NULL AS same_occupation_level_paid,
       ({levels})[coalesce((l.each_grant[5] + ((1::bigint << 58) - 1)) >> 58, 0) + 1] AS highest_level_paid,
       CASE WHEN l.certificate_registered THEN coalesce(l.each_grant[9], 0) > 0 END AS training_paid_for_certificate,
       CASE WHEN l.certificate_registered THEN coalesce(l.each_grant[10], 0) > 0 END AS skill_upgrade_paid_for_certificate,
       l.each_grant[7] IS NOT NULL AS fund_double_paid,
       l.each_job[3] AS contract_months,
       l.each_job[4] AS months_since_hired,
       CASE WHEN l.each_job[2] = 1 THEN TRUE END AS employer_insured,
       ARRAY[
           l.person_id,
           l.enrolment_id,
           l.class_id,
           l.project_id,
           l.entry_id,
           l.provider_id,
           l.site_id,
           l.voucher_id,
           l.pension >> 1 & ((1::bigint << 43) - 1),
           l.establishment >> 1 & ((1::bigint << 43) - 1),
           l.student >> 1 & ((1::bigint << 43) - 1),
           l.graduating & ((1::bigint << 43) - 1),
           l.own & ((1::bigint << 43) - 1),
           -l.each_grant[5] & ((1::bigint << 40) - 1),
           l.each_grant[6] & ((1::bigint << 40) - 1),
           l.each_grant[7] & ((1::bigint << 40) - 1),
           CASE WHEN l.certificate_registered THEN l.each_grant[8] & ((1::bigint << 40) - 1) END,
           l.result_id,
           l.certificate_id,
           l.each_job[1]
       ] AS evidence{more}
FROM (
    -- The registers' answers on the first day of class. Where a row began or ended meanwhile, each row was looked at: that
    -- something holds, looked up later without a day since when, leaves unknown what had been answered with no
    -- (`registry.selectors.known_statuses`).
    SELECT l.*,
           CASE WHEN l.each_status IS NULL THEN l.all_pension ELSE l.each_status[1] END AS pension,
           CASE WHEN l.each_status IS NULL THEN l.all_establishment ELSE l.each_status[2] END AS establishment,
           CASE WHEN l.each_status IS NULL THEN l.all_student ELSE l.each_status[3] END AS student,
           CASE WHEN l.each_group IS NOT NULL THEN l.each_group[1] WHEN l.only_group = '14' THEN l.all_group END AS graduating,
           CASE WHEN l.each_group IS NOT NULL THEN l.each_group[2] WHEN l.only_group = l."group" THEN l.all_group END AS own
    FROM (
        -- All that is at most one row a line, joined from the left: a range of people on both sides of an inner join has the
        -- planner expect a few lines only, and it hashes the long side of what follows. What few lines have is looked up for them.
        SELECT l.id,
               l.claim_id,
               l.person_id,
               l.enrolment_id,
               l.voucher_id,
               l.state,
               l.credited_minutes,
               l.decision_id,
               k.class_id,
               k.project_id,
               k.entry_id,
               k.provider_id,
               k.site_id,
               k.year,
               k.month_day,
               k.minutes_per_hour{carried},
               l."group",
               l.prepaid_by_person,
               r.id AS result_id,
               r.passed,
               t.id AS certificate_id,
               t.kind AS certificate_kind,
               t.level AS certificate_rank,
               t.occupation_id AS certificate_occupation,
               t.state AS certificate_state,
               CASE WHEN t.state NOT IN ('revoked', 'suspended') THEN TRUE END AS certificate_registered,
               l.own_on,
               l.own_grant,
               l.birth_date,
               k.class_start - l.birth_date AS days,
               l.all_pension,
               l.all_establishment,
               l.all_student,
               l.only_group,
               l.all_group,
               -- A voucher that was paid with this very line was in the claim when the line was judged.
               CASE WHEN l.voucher_is = 'redeemed' AND l.state = 'paid' THEN 'in_claim' ELSE l.voucher_is::text END AS voucher_state,
               CASE WHEN b.project_id IS NOT NULL THEN b.project_id = k.project_id
                    WHEN b.id IS NOT NULL THEN batch_covers(%(city)s, b.id, k.project_id) END
                   AND coalesce(l.voucher_provider = k.provider_id, TRUE) AS voucher_fits_project,
               l.voucher_is <> 'expired' AND coalesce(l.voucher_used_at, k.start_at) <= b.use_until AS voucher_valid_on_start,
               CASE WHEN l.status_since > k.class_start OR l.status_until < k.class_start THEN (
                   SELECT ARRAY[
                       max(a.said) FILTER (WHERE a.kind = 'pension'),
                       max(a.said) FILTER (WHERE a.kind = 'establishment'),
                       max(a.said) FILTER (WHERE a.kind = 'student')
                   ]
                   FROM (
                       SELECT s.kind,
                              max({status}) FILTER (WHERE NOT s.holds OR s.valid_from IS NOT NULL OR s.checked_on <= k.class_start)
                                  AS said,
                              max({status}) FILTER (WHERE s.holds AND s.valid_from IS NULL AND s.checked_on > k.class_start)
                                  AS unsure
                       FROM person_status s
                       WHERE s.city_code = %(city)s AND s.person_id = l.person_id
                           AND (s.valid_from IS NULL OR s.valid_from <= k.class_start)
                           AND (s.valid_to IS NULL OR s.valid_to >= k.class_start)
                       GROUP BY s.kind
                   ) a
                   WHERE (a.unsure > a.said AND a.said & 1 = 0) IS NOT TRUE
               ) END AS each_status,
               CASE WHEN l.group_since > k.class_start OR l.group_until < k.class_start OR l.only_group <> l.other_group THEN (
                   SELECT ARRAY[
                       max({membership}) FILTER (WHERE m."group" = '14'),
                       max({membership}) FILTER (WHERE m."group" = l."group")
                   ]
                   FROM group_membership m
                   WHERE m.city_code = %(city)s AND m.person_id = l.person_id
                       AND m.valid_from <= k.class_start
                       AND (m.valid_to IS NULL OR m.valid_to >= k.class_start)
               ) END AS each_group,
               -- What was granted for this very line, and after it, is no earlier grant.
               CASE
                   WHEN l.grants = 1 THEN CASE WHEN l.own_grant IS NULL THEN {one_grant} END
                   WHEN l.grants > 1 THEN (
                       SELECT {each_grant}
                       FROM person_grant g
                       WHERE g.person_id = l.person_id AND g.withdrawn_on IS NULL
                           AND (l.own_grant IS NULL OR (g.granted_on, g.id) < (l.own_on, l.own_grant))
                   )
               END AS each_grant,
               -- Other classes of the person that ran at the same time; whether sessions do, where both have some.
               CASE WHEN l.rosters > 2 OR c.starts_on <= k.ends_on AND c.ends_on >= k.class_start THEN (
                   SELECT bool_or((
                       SELECT bool_or(EXISTS (
                           SELECT 1
                           FROM class_session mine
                           WHERE mine.city_code = %(city)s AND mine.training_class_id = k.class_id
                               AND mine.period && theirs.period
                       ))
                       FROM class_session theirs
                       WHERE theirs.city_code = %(city)s AND theirs.training_class_id = other.training_class_id
                           AND theirs.period && tstzrange(k.start_at, k.end_at)
                   ))
                   FROM enrolment other
                   WHERE other.city_code = %(city)s AND other.person_id = l.person_id
                       AND other.training_class_id <> k.class_id AND other.state IN ('listed', 'attending', 'completed')
                       AND (
                           SELECT c.starts_on <= k.ends_on AND c.ends_on >= k.class_start
                           FROM training_class c
                           WHERE c.city_code = %(city)s AND c.id = other.training_class_id
                               AND c.state IN ('filed', 'accepted', 'running', 'ended', 'assessed', 'in_claim', 'closed')
                       )
               ) END AS clash,
               -- The job on the first day: with the employer named on the roster, else the latest. Its id, whether insured, the
               -- months of the contract and since the hiring: whole months, a month that lacks the day being full on its last
               -- day; since the hiring a month begun counts.
               CASE WHEN l.worked THEN (
                   SELECT ARRAY[
                       e.id,
                       e.insured::int,
                       CASE
                           WHEN e.open_ended THEN 1200
                           WHEN e.contract_end IS NOT NULL THEN greatest(0, (
                               (date_part('year', e.contract_end) - date_part('year', e.from_on)) * 12
                               + date_part('month', e.contract_end) - date_part('month', e.from_on)
                               - (date_part('day', e.contract_end) < date_part('day', e.from_on)
                                  AND date_part('month', e.contract_end + 1) = date_part('month', e.contract_end))::int
                           ))
                       END::bigint,
                       CASE
                           WHEN k.class_start = e.from_on THEN 0
                           ELSE 1 + greatest(0, (
                               (date_part('year', k.class_start - 1) - date_part('year', e.from_on)) * 12
                               + date_part('month', k.class_start - 1) - date_part('month', e.from_on)
                               - (date_part('day', k.class_start - 1) < date_part('day', e.from_on)
                                  AND date_part('month', k.class_start) = date_part('month', k.class_start - 1))::int
                           ))
                       END::bigint
                   ]
                   FROM (
                       SELECT j.id, j.from_on, j.contract_until + 1 AS contract_end, j.open_ended, j.insured
                       FROM job_record j
                       WHERE j.city_code = %(city)s AND j.person_id = l.person_id AND j.voided_on IS NULL
                           AND j.from_on <= k.class_start AND (j.to_on IS NULL OR j.to_on >= k.class_start)
                       ORDER BY (l.employer_uscc <> '' AND j.employer_uscc = l.employer_uscc) DESC, j.from_on DESC, j.id DESC
                       LIMIT 1
                   ) e
               ) END AS each_job
        FROM lines l
        LEFT JOIN classes k ON k.claim_id = l.claim_id
        -- The other class of who was on two rosters; for nobody else is one looked up.
        LEFT JOIN running c ON c.id = CASE
            WHEN l.rosters = 2 THEN CASE WHEN l.first_class = k.class_id THEN l.last_class ELSE l.first_class END
        END
        LEFT JOIN exam_result r ON r.city_code = %(city)s AND r.exam_id = k.exam_id AND r.enrolment_id = l.enrolment_id{r}
        LEFT JOIN certificate t ON t.city_code = %(city)s AND t.result_id = r.id AND t.state <> 'replaced'{t}
        LEFT JOIN voucher_batch b ON b.city_code = %(city)s AND b.id = l.voucher_batch
        OFFSET 0
    ) l
    WHERE l.class_id IS NOT NULL
) l
