-- Where a person is expected at a time of a class: the first session elsewhere that overlaps one of it, NULL where none does.
-- Elsewhere: on the roster, or by a voucher used for it. A draft filing binds nobody. A class without a timetable meets none.
CREATE OR REPLACE FUNCTION class_clash(
    p_city int, p_person bigint, p_class bigint, OUT class_name text, OUT starts_at timestamptz
)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    SELECT c.name, lower(s.period) INTO class_name, starts_at
    FROM (
        SELECT e.training_class_id AS class_id FROM enrolment e
        WHERE e.city_code = p_city AND e.person_id = p_person AND e.state IN ('listed', 'attending', 'completed')
        UNION
        SELECT v.class_id FROM voucher v
        WHERE v.city_code = p_city AND v.person_id = p_person AND v.state IN ('used', 'verified')
          AND NOT EXISTS (SELECT 1 FROM enrolment e WHERE e.city_code = p_city AND e.voucher_id = v.id
                                                      AND e.state IN ('dropped', 'removed'))
    ) held
    JOIN training_class c ON c.city_code = p_city AND c.id = held.class_id AND c.id <> p_class
                         AND c.state NOT IN ('draft', 'withdrawn', 'stopped')
    JOIN class_session s ON s.city_code = p_city AND s.training_class_id = c.id
    JOIN class_session mine ON mine.city_code = p_city AND mine.training_class_id = p_class AND mine.period && s.period
    ORDER BY s.period LIMIT 1;
END $$;

-- The uses of one person's vouchers, one after the other until the end of the transaction: two in one moment would not see
-- that their classes meet. Who uses for several people in one transaction takes them here first, so that all meet in one order.
CREATE OR REPLACE FUNCTION hold_uses(p_city int, p_people bigint[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(format('use:%s:%s', p_city, one.person), 0)) FROM (
        SELECT DISTINCT person FROM unnest(p_people) AS g (person) WHERE person IS NOT NULL ORDER BY person
    ) one;
END $$;

-- One use of one voucher under any race: bound to the provider, project and class. The only place where these rules are
-- written. The holder before the voucher, as everywhere. answer is one of: ok, unknown, used, expired, not_here, wrong_state, clash; the rest is what a refusal has to say
-- (of a clash the other class and when its session begins, as project_name and use_until).
CREATE OR REPLACE FUNCTION use_voucher(
    p_city int, p_voucher bigint, p_provider bigint, p_project bigint, p_class bigint, p_at timestamptz, p_user bigint,
    p_name text,
    OUT answer text, OUT state text, OUT used_at timestamptz, OUT used_by bigint, OUT use_until timestamptz,
    OUT project_name text
)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    v_batch bigint;
    v_person bigint;
    v_here boolean;
    v_clash record;
BEGIN
    PERFORM hold_uses(p_city, ARRAY(SELECT v.person_id FROM voucher v WHERE v.city_code = p_city AND v.id = p_voucher));
    SELECT v.state, v.used_at, v.provider_id, b.use_until, coalesce(p.name, b.scope_text), b.id, v.person_id
    INTO state, used_at, used_by, use_until, project_name, v_batch, v_person
    FROM voucher v
    JOIN voucher_batch b ON b.city_code = v.city_code AND b.id = v.batch_id
    LEFT JOIN project p ON p.city_code = b.city_code AND p.id = b.project_id
    WHERE v.city_code = p_city AND v.id = p_voucher
    FOR NO KEY UPDATE OF v;
    -- Bound to the project and to its own provider, whatever the caller says.
    v_here := EXISTS (
        SELECT 1 FROM project p WHERE p.city_code = p_city AND p.id = p_project AND p.provider_id = p_provider
    ) AND batch_covers(p_city, v_batch, p_project);
    answer := CASE
        WHEN v_batch IS NULL THEN 'unknown'
        WHEN used_at IS NOT NULL AND state IN ('used', 'verified', 'in_claim', 'redeemed') THEN 'used'
        WHEN state = 'claimed' AND p_at > use_until THEN 'expired'
        WHEN NOT v_here THEN 'not_here'
        WHEN state <> 'claimed' THEN 'wrong_state'
        ELSE 'ok'
    END;
    IF answer = 'ok' THEN
        SELECT c.class_name, c.starts_at INTO v_clash FROM class_clash(p_city, v_person, p_class) c;
        IF v_clash.class_name IS NOT NULL THEN
            answer := 'clash';
            project_name := v_clash.class_name;
            use_until := v_clash.starts_at;
        END IF;
    END IF;
    IF answer = 'ok' THEN
        UPDATE voucher SET state = 'used', provider_id = p_provider, class_id = p_class, used_at = p_at
        WHERE city_code = p_city AND id = p_voucher;
        INSERT INTO state_change (city_code, machine, object_id, source, event, target, at, actor_user_id, actor_name)
        VALUES (p_city, 'voucher', p_voucher, 'claimed', 'use', 'used', p_at, p_user, p_name);
    END IF;
END $$;

-- A group of uses by their holders with their idempotency keys, audit events and stored answers, for the gate. Further
-- answers: no_class (no class before its start there), barred (the class's provider is one of p_barred, which may not take
-- vouchers now). By holder and voucher, so that two groups meet them in one order.
CREATE OR REPLACE FUNCTION use_through_gate(
    p_city int, p_vouchers bigint[], p_classes bigint[], p_people bigint[], p_users bigint[], p_names text[],
    p_keys text[], p_hashes bytea[], p_at timestamptz, p_barred bigint[]
) RETURNS TABLE (
    place int, state text, answer text, body text, kept jsonb, voucher_state text, used_at timestamptz, used_by bigint,
    provider_id bigint, use_until timestamptz, project_name text
)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    v_held record;
    v_class record;
    v_region int;
BEGIN
    FOR v_held IN
        SELECT k.place, k.key_id, k.state, k.answer
        FROM hold_keys(p_city, 'vouchers.use', (SELECT array_agg('user:' || u ORDER BY n)
                                                FROM unnest(p_users) WITH ORDINALITY AS g (u, n)), p_keys, p_hashes, p_at) k
        ORDER BY p_people[k.place], p_vouchers[k.place], k.place
    LOOP
        place := v_held.place;
        state := v_held.state;
        kept := v_held.answer;
        answer := NULL; body := NULL; voucher_state := NULL; used_at := NULL; used_by := NULL; provider_id := NULL;
        use_until := NULL; project_name := NULL;
        IF state = 'new' THEN
            SELECT t.id, t.project_id, t.provider_id INTO v_class
            FROM training_class t
            WHERE t.city_code = p_city AND t.id = p_classes[place] AND t.state IN ('draft', 'filed', 'accepted');
            IF NOT FOUND THEN
                answer := 'no_class';
            END IF;
            SELECT b.region_id INTO v_region
            FROM voucher v JOIN voucher_batch b ON b.city_code = v.city_code AND b.id = v.batch_id
            WHERE v.city_code = p_city AND v.id = p_vouchers[place] AND v.person_id = p_people[place];
            IF NOT FOUND THEN
                answer := 'unknown';
            END IF;
            IF answer IS NULL THEN
                provider_id := v_class.provider_id;
                IF provider_id = ANY(p_barred) THEN
                    answer := 'barred';
                END IF;
            END IF;
            IF answer IS NULL THEN
                SELECT u.answer, u.state, u.used_at, u.used_by, u.use_until, u.project_name
                INTO answer, voucher_state, used_at, used_by, use_until, project_name
                FROM use_voucher(p_city, p_vouchers[place], v_class.provider_id, v_class.project_id, v_class.id, p_at,
                                 p_users[place], p_names[place]) u;
            END IF;
            IF answer = 'ok' THEN
                body := format('{"city_code":%s,"id":"%s","state":"used","class_id":"%s","used_at":"%s"}', p_city,
                               p_vouchers[place], p_classes[place],
                               to_char(p_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'));
                INSERT INTO audit_event (city_code, at, act, region_code, actor_user_id, actor_name, object_type,
                                         object_id, person_id, detail)
                VALUES (p_city, p_at, 'vouchers.use', v_region, p_users[place], p_names[place], 'vouchers.voucher',
                        p_vouchers[place], p_people[place], '{"through": "gate"}');
                UPDATE idempotency_key
                SET answer = jsonb_build_object('model', 'vouchers.voucher', 'city_code', p_city, 'pk', p_vouchers[place],
                                                'body', body)
                WHERE city_code = p_city AND id = v_held.key_id;
            END IF;
        END IF;
        RETURN NEXT;
    END LOOP;
END $$;
