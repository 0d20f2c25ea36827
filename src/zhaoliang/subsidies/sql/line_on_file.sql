-- All that is on file of one claim line beside the line itself, in one answer: what `classes.known` and
-- `subsidies.facts.class_outcome` read of a class in a statement each, for a single line. A function, so that its plans are
-- kept by the connection: putting eight statements together costs more than answering them. Rows are those of the tables,
-- under their columns' names, in the order the selectors give them.
CREATE OR REPLACE FUNCTION line_on_file(in_city integer, in_line bigint) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
DECLARE
    line record;
    scheduled boolean;
BEGIN
    SELECT l.person_id, l.enrolment_id, k.id AS class_id, k.starts_on, k.ends_on,
           tstzrange(k.starts_on::timestamp AT TIME ZONE 'Asia/Shanghai', (k.ends_on + 1)::timestamp AT TIME ZONE 'Asia/Shanghai') AS span
    INTO line
    FROM claim_line l
    JOIN claim c ON c.city_code = l.city_code AND c.id = l.claim_id
    JOIN training_class k ON k.city_code = c.city_code AND k.id = c.training_class_id
    WHERE l.city_code = in_city AND l.id = in_line;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    scheduled := EXISTS (SELECT 1 FROM class_session s WHERE s.city_code = in_city AND s.training_class_id = line.class_id);
    RETURN jsonb_build_object(
        'statuses', (
            SELECT jsonb_agg(to_jsonb(s) ORDER BY s.checked_on, s.id)
            FROM person_status s
            WHERE s.city_code = in_city AND s.person_id = line.person_id
              AND (s.valid_from IS NULL OR s.valid_from <= line.starts_on)
              AND (s.valid_to IS NULL OR s.valid_to >= line.starts_on)
        ),
        'groups', (
            SELECT jsonb_agg(to_jsonb(m))
            FROM group_membership m
            WHERE m.city_code = in_city AND m.person_id = line.person_id
              AND (m.valid_from IS NULL OR m.valid_from <= line.starts_on)
              AND (m.valid_to IS NULL OR m.valid_to >= line.starts_on)
        ),
        'grants', (
            SELECT jsonb_agg(to_jsonb(g) ORDER BY g.granted_on, g.id)
            FROM person_grant g
            WHERE g.person_id = line.person_id AND g.withdrawn_on IS NULL
        ),
        'jobs', (
            SELECT jsonb_agg(to_jsonb(j) ORDER BY j.from_on, j.id)
            FROM job_record j
            WHERE j.city_code = in_city AND j.person_id = line.person_id AND j.voided_on IS NULL
        ),
        'clashes', (
            SELECT jsonb_agg(jsonb_build_object(
                'class_name', k.name, 'class_id', k.id, 'starts_at', lower(theirs.period), 'certain', scheduled
            ) ORDER BY theirs.period)
            FROM enrolment e
            JOIN training_class k ON k.city_code = in_city AND k.id = e.training_class_id
                AND k.state IN ('filed', 'accepted', 'running', 'ended', 'assessed', 'in_claim', 'closed')
                AND k.starts_on <= line.ends_on AND k.ends_on >= line.starts_on
            JOIN class_session theirs ON theirs.city_code = in_city AND theirs.training_class_id = k.id
                AND theirs.period && line.span
            WHERE e.city_code = in_city AND e.person_id = line.person_id AND e.training_class_id <> line.class_id
              AND e.state IN ('listed', 'attending', 'completed')
              AND (NOT scheduled OR EXISTS (
                  SELECT 1 FROM class_session mine
                  WHERE mine.city_code = in_city AND mine.training_class_id = line.class_id AND mine.period && theirs.period
              ))
        ),
        'result', (
            SELECT to_jsonb(r)
            FROM exam x
            JOIN exam_result r ON r.city_code = in_city AND r.exam_id = x.id AND r.enrolment_id = line.enrolment_id
            WHERE x.city_code = in_city AND x.training_class_id = line.class_id AND x.state = 'published'
        ),
        'certificate', (
            SELECT jsonb_build_object(
                'city_code', t.city_code, 'id', t.id, 'number', t.number, 'kind', t.kind, 'level', t.level,
                'occupation_id', t.occupation_id, 'state', t.state
            )
            FROM exam x
            JOIN exam_result r ON r.city_code = in_city AND r.exam_id = x.id AND r.enrolment_id = line.enrolment_id
            JOIN certificate t ON t.city_code = in_city AND t.result_id = r.id AND t.state <> 'replaced'
            WHERE x.city_code = in_city AND x.training_class_id = line.class_id AND x.state = 'published'
        ),
        -- Those in whose place it came.
        'replaced', (
            SELECT jsonb_agg(jsonb_build_object('city_code', t.city_code, 'id', t.id, 'number', t.number, 'state', t.state))
            FROM exam x
            JOIN exam_result r ON r.city_code = in_city AND r.exam_id = x.id AND r.enrolment_id = line.enrolment_id
            JOIN certificate t ON t.city_code = in_city AND t.result_id = r.id AND t.state = 'replaced'
            WHERE x.city_code = in_city AND x.training_class_id = line.class_id AND x.state = 'published'
        )
    );
END
$$;
