-- One asked sign-in. Moments are unix seconds, those of the window by the policy of the region; degrees are WGS84, `distance`
-- and `radius` of the site in metres. `facts` is what the phone says besides (phone.py), as JSON: accuracy, mock, phone_at,
-- skew_ms, elapsed_ms, sequence, code_age_s; whether it signed what it kept, with the proof (signer.py); and what of a thousand minutes counts for who is late, by the policy of the region
-- (late_permille, half in calls of the release before). `key` and `hash` are the idempotency key of the call, none for a caller who holds
-- it already. One array of these is written for the wire and unfolded for a third of what an array for each column costs.
DO $$ BEGIN
    IF to_regtype('sign_in_asked') IS NULL THEN
        CREATE TYPE sign_in_asked AS (
            attendance bigint, method text, moment float8, opens float8, late_after float8, closes float8, longitude float8,
            latitude float8, distance int, radius int, device bytea, by_user bigint, by_name text, reason text, facts text,
            region int, key text, hash bytea
        );
    END IF;
END $$;

-- The answer of a sign-in that counts as it is kept with the key, where the pages find it too.
CREATE OR REPLACE FUNCTION sign_in_answer(p_city int, p_id bigint, p_body text)
RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN p_body IS NOT NULL THEN
        jsonb_build_object('model', 'attendance.attendance', 'city_code', p_city, 'pk', p_id, 'body', p_body) END
$$;

-- An attendance is no longer as it was judged.
CREATE OR REPLACE FUNCTION sign_in_changed() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'an attendance changed in the moment of its sign-in' USING ERRCODE = '40001';
END $$;

-- Sign-ins, one or a group: what each counts, which signals go to a person, and all that is written of it. The only place
-- where these rules are written.
-- A session that the clock already counted as missed still takes what a phone without network signed in time, for a day.
-- answer is one of: ok, already (signed in before: nothing changes), early, wrong_state, unknown, again (a second time in
-- one group: ask once more). `body` is what the gate sends for a sign-in that counts; NULL for any other. Calls with a key
-- write it too, with that answer in it where the pages find it, and an audit event; `state` is new, replay or reused, `kept`
-- the stored answer of a replay.
-- Almost always no key has been seen before and nobody else touches the attendances in this very moment. So the group is
-- judged first; its keys are written once, with their answers in them (an answer added later makes the row leave its page, and
-- its indexes grow twice) and without a look whether they are known; and the effect holds only for attendances that are still
-- as they were judged, else the whole group is rolled back (serialization_failure) and the caller asks anew. Keys come before
-- attendances, as in the acts of the pages: nobody waits in a circle.
-- Plans are made once for arrays of any length: planning anew for each group would cost five times the work itself.
CREATE OR REPLACE FUNCTION sign_in_group(p_city int, p_asked sign_in_asked[], p_at timestamptz)
RETURNS TABLE (place int, state text, answer text, body text, kept jsonb, attendance_state text)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    v_at float8 := extract(epoch FROM p_at);
    v_keys bigint[] := array_fill(NULL::bigint, ARRAY[cardinality(p_asked)]);
    v_new int[];
    v_rest sign_in_asked[] := '{}';
    v_one sign_in_asked;
    v record;
BEGIN
    BEGIN
        RETURN QUERY
        WITH judged AS MATERIALIZED (
            SELECT g.*, g.facts::jsonb AS said, a.session_id, a.person_id, a.state::text AS was, a.flags AS had,
                   a.signed_at AS had_signed,
                   CASE
                       WHEN a.id IS NULL THEN 'unknown'
                       WHEN row_number() OVER (PARTITION BY g.attendance ORDER BY g.ordinality) > 1 THEN 'again'
                       WHEN a.state IN ('present', 'late') THEN 'already'
                       WHEN a.state <> 'expected' AND NOT (
                           a.state = 'absent' AND a.signed_at IS NULL AND g.moment <= g.closes AND v_at <= g.closes + 86400
                       ) THEN 'wrong_state'
                       WHEN g.moment < g.opens THEN 'early'
                       ELSE 'ok'
                   END AS answer,
                   CASE
                       WHEN g.moment <= g.late_after THEN 'present'
                       WHEN g.moment <= g.closes THEN 'late'
                       ELSE 'absent'
                   END AS target
            FROM unnest(p_asked) WITH ORDINALITY g
            LEFT JOIN attendance a ON a.city_code = p_city AND a.id = g.attendance
            -- By attendance, so that two groups with common ones meet them in one order.
            ORDER BY g.attendance, g.ordinality
        ), lent AS (
            -- Devices that come more than once in the group.
            SELECT device, session_id, min(ordinality) FILTER (WHERE method = 'location' AND answer = 'ok') AS first
            FROM judged WHERE device IS NOT NULL GROUP BY device, session_id HAVING count(*) > 1
        ), c AS MATERIALIZED (
            SELECT f.*, CASE WHEN f.answer IN ('ok', 'already') THEN format(
                       '{"city_code":%s,"attendance_id":"%s","state":"%s","signed_at":"%s","flags":%s}', p_city, f.attendance,
                       CASE WHEN f.answer = 'ok' THEN f.target ELSE f.was END,
                       to_char(CASE WHEN f.answer = 'ok' THEN f.signed ELSE f.had_signed END AT TIME ZONE 'UTC',
                               'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
                       CASE WHEN f.answer = 'ok' THEN f.flags ELSE f.had END) END AS body
            FROM (
                SELECT j.*, to_timestamp(j.moment) AS signed, to_jsonb(array_remove(ARRAY[
                    CASE WHEN j.method = 'location' AND j.distance IS NULL THEN 'no_place' END,
                    -- The phone may be wrong by its own accuracy; a claim of kilometres of doubt does not help.
                    CASE WHEN j.distance - least(coalesce((j.said->>'accuracy')::int, 0), 1500) > j.radius
                    THEN 'outside_site' END,
                    CASE WHEN j.ordinality > lent.first OR EXISTS (
                        SELECT 1 FROM sign_in s JOIN attendance o ON o.city_code = s.city_code AND o.id = s.attendance_id
                        WHERE s.city_code = p_city AND s.device_hash = j.device AND s.method = 'location'
                          AND s.at BETWEEN to_timestamp(j.moment - 86400) AND to_timestamp(j.moment + 86400)
                          AND o.session_id = j.session_id AND o.id <> j.attendance
                    ) THEN 'shared_device' END,
                    -- A phone without network keeps the sign-in; what arrives later than this is marked.
                    CASE WHEN v_at - j.moment > 600 THEN 'uploaded_late' END,
                    CASE WHEN j.said->>'signed' = 'false' THEN 'unsigned' END,
                    CASE WHEN j.target = 'absent' THEN 'too_late' END
                ], NULL)) AS flags
                FROM judged j LEFT JOIN lent ON lent.device = j.device AND lent.session_id = j.session_id
                -- Else the signals would be looked for once for each place that names them.
                OFFSET 0
            ) f
        ), keyed AS (
            INSERT INTO idempotency_key (city_code, act, actor, key, input_hash, at, answer)
            SELECT p_city, 'attendance.sign_in', 'user:' || c.by_user, c.key, c.hash, p_at,
                   sign_in_answer(p_city, c.attendance, c.body)
            FROM c WHERE c.key IS NOT NULL
            ORDER BY 'user:' || c.by_user, c.key
            RETURNING id
        ), moved AS (
            UPDATE attendance a
            SET state = c.target, method = c.method, signed_at = c.signed, flags = c.flags,
                credited_minutes = CASE c.target WHEN 'present' THEN a.planned_minutes
                                                 WHEN 'late' THEN a.planned_minutes
                                                     * coalesce((c.said->>'late_permille')::int, 500) / 1000 ELSE 0 END
            FROM c
            -- All keys before the first attendance.
            WHERE (SELECT count(*) FROM keyed) >= 0 AND c.answer = 'ok' AND a.city_code = p_city AND a.id = c.attendance
              AND a.state = c.was AND a.signed_at IS NOT DISTINCT FROM c.had_signed
            RETURNING a.id
        ), logged AS (
            INSERT INTO sign_in (city_code, attendance_id, at, received_at, method, longitude, latitude, distance_m,
                                 device_hash, by_user_id, reason, accuracy_m, mock, phone_at, skew_ms, elapsed_ms, sequence,
                                 code_age_s, signed, proof)
            SELECT p_city, c.attendance, c.signed, p_at, c.method, c.longitude, c.latitude, c.distance, c.device, c.by_user,
                   c.reason, (c.said->>'accuracy')::int, (c.said->>'mock')::boolean,
                   to_timestamp((c.said->>'phone_at')::bigint), (c.said->>'skew_ms')::bigint, (c.said->>'elapsed_ms')::bigint,
                   (c.said->>'sequence')::int, (c.said->>'code_age_s')::int,
                   (c.said->>'signed')::boolean, c.said->'proof'
            FROM c WHERE c.answer = 'ok'
        ), changed AS (
            INSERT INTO state_change (city_code, machine, object_id, source, event, target, at, actor_user_id, actor_name)
            SELECT p_city, 'attendance', c.attendance, c.was,
                   CASE c.target WHEN 'present' THEN 'sign_in' WHEN 'late' THEN 'sign_in_late' ELSE 'miss' END, c.target, p_at,
                   c.by_user, c.by_name
            FROM c WHERE c.answer = 'ok'
        ), audited AS (
            INSERT INTO audit_event (city_code, at, act, region_code, actor_user_id, actor_name, object_type, object_id,
                                     person_id, detail)
            SELECT p_city, p_at, 'attendance.sign_in', c.region, c.by_user, c.by_name, 'attendance.attendance', c.attendance,
                   c.person_id, '{"through": "gate"}'
            FROM c WHERE c.key IS NOT NULL AND c.answer IN ('ok', 'already')
        )
        SELECT c.ordinality::int, 'new', c.answer, c.body, NULL::jsonb, CASE WHEN c.answer = 'ok' THEN c.target ELSE c.was END
        FROM c
        WHERE CASE WHEN (SELECT count(*) FROM moved) = (SELECT count(*) FROM judged WHERE answer = 'ok')
                   THEN true ELSE sign_in_changed() END;
        RETURN;
    EXCEPTION WHEN unique_violation THEN
        -- Some keys are known, or come twice: nothing was written.
    END;

    -- Which ones are to be decided is asked first, and their answers follow the effect.
    FOR v IN
        SELECT k.* FROM (
            SELECT array_agg('user:' || by_user ORDER BY ordinality) AS actors, array_agg(key ORDER BY ordinality) AS keys,
                   array_agg(hash ORDER BY ordinality) AS hashes
            FROM unnest(p_asked) WITH ORDINALITY
        ) g, hold_keys(p_city, 'attendance.sign_in', g.actors, g.keys, g.hashes, p_at) k
        ORDER BY k.place
    LOOP
        IF v.state = 'new' THEN
            v_one := p_asked[v.place];
            v_one.key := NULL;
            v_rest := v_rest || v_one;
            v_new := v_new || v.place;
            v_keys[v.place] := v.key_id;
        ELSE
            place := v.place;
            state := v.state;
            answer := NULL;
            body := NULL;
            kept := v.answer;
            attendance_state := NULL;
            RETURN NEXT;
        END IF;
    END LOOP;
    RETURN QUERY
    WITH done AS MATERIALIZED (
        SELECT v_new[s.place] AS place, s.answer, s.body, s.attendance_state, g.*
        FROM sign_in_many(p_city, v_rest, p_at) s
        JOIN unnest(v_rest) WITH ORDINALITY g ON g.ordinality = s.place
    ), logged AS (
        INSERT INTO audit_event (city_code, at, act, region_code, actor_user_id, actor_name, object_type, object_id,
                                 person_id, detail)
        SELECT p_city, p_at, 'attendance.sign_in', d.region, d.by_user, d.by_name, 'attendance.attendance', d.attendance,
               a.person_id, '{"through": "gate"}'
        FROM done d JOIN attendance a ON a.city_code = p_city AND a.id = d.attendance
        WHERE d.body IS NOT NULL
    ), stored AS (
        UPDATE idempotency_key held
        SET answer = sign_in_answer(p_city, done.attendance, done.body)
        FROM done WHERE held.city_code = p_city AND held.id = v_keys[done.place] AND done.body IS NOT NULL
    )
    SELECT done.place, 'new', done.answer, done.body, NULL::jsonb, done.attendance_state FROM done;
END $$;

-- Sign-ins of a caller who holds their keys already: locked first, so that none of them changes in between.
CREATE OR REPLACE FUNCTION sign_in_many(p_city int, p_asked sign_in_asked[], p_at timestamptz)
RETURNS TABLE (place int, answer text, body text, attendance_state text)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
    PERFORM 1 FROM attendance WHERE city_code = p_city AND id IN (SELECT attendance FROM unnest(p_asked))
    ORDER BY id FOR NO KEY UPDATE;
    RETURN QUERY SELECT s.place, s.answer, s.body, s.attendance_state FROM sign_in_group(p_city, p_asked, p_at) s;
END $$;
