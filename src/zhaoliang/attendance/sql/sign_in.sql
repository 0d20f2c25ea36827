-- Sign-ins, one or a group: what each counts, and which signals go to a person. The only place where these rules are
-- written. The window's figures come from the policy of the region and are given; so is the distance to the site in metres.
-- p_facts is what the phone says besides (services/phone.py): accuracy, mock, phone_at, skew_ms, elapsed_ms, sequence, code_age_s.
-- A session that the clock already counted as missed still takes what a phone without network signed in time, for a day.
-- answer is one of: ok, already (signed in before: nothing changes), early, wrong_state, unknown, again (a second time in
-- one group: ask once more). `was` and `had_signed` are what the attendance was when it was looked at.
-- Plans are made once for arrays of any length: planning anew for each group would cost five times the work itself.
CREATE OR REPLACE FUNCTION judge_sign_ins(
    p_city int, p_attendances bigint[], p_methods text[], p_moments timestamptz[], p_opens timestamptz[],
    p_late_after timestamptz[], p_closes timestamptz[], p_distances int[], p_radii int[], p_devices bytea[], p_facts jsonb[],
    p_at timestamptz
) RETURNS TABLE (place int, answer text, attendance_id bigint, was text, had_signed timestamptz, state text, flags jsonb,
                 signed_at timestamptz)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH given AS (
        SELECT g.*, row_number() OVER (PARTITION BY g.attendance ORDER BY g.place) AS nth
        FROM unnest(p_attendances, p_methods, p_moments, p_opens, p_late_after, p_closes, p_distances, p_radii, p_devices,
                    p_facts) WITH ORDINALITY
             AS g (attendance, method, moment, opens, late_after, closes, distance, radius, device, facts, place)
    ), judged AS (
        SELECT given.*, a.id, a.session_id, a.state AS was, a.flags AS had, a.signed_at AS had_signed,
               CASE
                   WHEN a.id IS NULL THEN 'unknown'
                   WHEN given.nth > 1 THEN 'again'
                   WHEN a.state IN ('present', 'late') THEN 'already'
                   WHEN a.state <> 'expected' AND NOT (
                       a.state = 'absent' AND a.signed_at IS NULL AND given.moment <= given.closes
                       AND p_at <= given.closes + INTERVAL '1 day') THEN 'wrong_state'
                   WHEN given.moment < given.opens THEN 'early'
                   ELSE 'ok'
               END AS answer,
               CASE
                   WHEN given.moment <= given.late_after THEN 'present'
                   WHEN given.moment <= given.closes THEN 'late'
                   ELSE 'absent'
               END AS target
        FROM given LEFT JOIN attendance a ON a.city_code = p_city AND a.id = given.attendance
    ), counted AS (
        SELECT j.*, to_jsonb(array_remove(ARRAY[
            CASE WHEN j.method = 'location' AND j.distance IS NULL THEN 'no_place' END,
            -- The phone may be wrong by its own accuracy; a claim of kilometres of doubt does not help.
            CASE WHEN j.distance - least(coalesce((j.facts->>'accuracy')::int, 0), 1500) > j.radius THEN 'outside_site' END,
            CASE WHEN EXISTS (
                SELECT 1 FROM sign_in s JOIN attendance o ON o.city_code = s.city_code AND o.id = s.attendance_id
                WHERE s.city_code = p_city AND s.device_hash = j.device AND s.method = 'location'
                  AND s.at BETWEEN j.moment - INTERVAL '1 day' AND j.moment + INTERVAL '1 day'
                  AND o.session_id = j.session_id AND o.id <> j.id
            ) OR j.device IS NOT NULL AND min(j.place) FILTER (WHERE j.method = 'location' AND j.answer = 'ok')
                OVER (PARTITION BY j.device, j.session_id) < j.place
            THEN 'shared_device' END,
            -- A phone without network keeps the sign-in; what arrives later than this is marked.
            CASE WHEN p_at - j.moment > INTERVAL '10 minutes' THEN 'uploaded_late' END,
            CASE WHEN j.target = 'absent' THEN 'too_late' END
        ], NULL)) AS flags
        FROM judged j
    )
    SELECT c.place::int, c.answer, c.id, c.was::text, c.had_signed, CASE WHEN c.answer = 'ok' THEN c.target ELSE c.was::text END,
           CASE WHEN c.answer = 'ok' THEN c.flags ELSE c.had END,
           CASE WHEN c.answer = 'ok' THEN c.moment ELSE c.had_signed END
    FROM counted c ORDER BY c.place;
END $$;

-- Write down those of the judged that are ok. Raises serialization_failure when one of them is no longer as it was judged:
-- the caller's transaction is rolled back, and asks anew.
CREATE OR REPLACE FUNCTION write_sign_ins(
    p_city int, p_answers text[], p_attendances bigint[], p_was text[], p_had_signed timestamptz[], p_targets text[],
    p_flags jsonb[], p_moments timestamptz[], p_methods text[], p_longitudes numeric[], p_latitudes numeric[],
    p_distances int[], p_devices bytea[], p_users bigint[], p_names text[], p_reasons text[], p_facts jsonb[],
    p_at timestamptz
) RETURNS void
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    v_missing boolean;
BEGIN
    WITH c AS MATERIALIZED (
        -- By attendance, so that two groups with common ones meet them in one order.
        SELECT * FROM unnest(p_answers, p_attendances, p_was, p_had_signed, p_targets, p_flags, p_moments, p_methods,
                             p_longitudes, p_latitudes, p_distances, p_devices, p_users, p_names, p_reasons, p_facts)
             AS g (answer, id, was, had_signed, target, flags, moment, method, longitude, latitude, distance, device, by_user,
                   by_name, reason, facts)
        WHERE g.answer = 'ok' ORDER BY g.id
    ), moved AS (
        UPDATE attendance a
        SET state = c.target, method = c.method, signed_at = c.moment, flags = c.flags,
            credited_minutes = CASE c.target WHEN 'present' THEN a.planned_minutes
                                             WHEN 'late' THEN a.planned_minutes / 2 ELSE 0 END
        FROM c
        WHERE a.city_code = p_city AND a.id = c.id AND a.state = c.was AND a.signed_at IS NOT DISTINCT FROM c.had_signed
        RETURNING a.id
    ), logged AS (
        INSERT INTO sign_in (city_code, attendance_id, at, received_at, method, longitude, latitude, distance_m,
                             device_hash, by_user_id, reason, accuracy_m, mock, phone_at, skew_ms, elapsed_ms, sequence,
                             code_age_s)
        SELECT p_city, c.id, c.moment, p_at, c.method, c.longitude, c.latitude, c.distance, c.device, c.by_user, c.reason,
               (c.facts->>'accuracy')::int, (c.facts->>'mock')::boolean, to_timestamp((c.facts->>'phone_at')::bigint),
               (c.facts->>'skew_ms')::bigint, (c.facts->>'elapsed_ms')::bigint, (c.facts->>'sequence')::int,
               (c.facts->>'code_age_s')::int
        FROM c
    ), changed AS (
        INSERT INTO state_change (city_code, machine, object_id, source, event, target, at, actor_user_id, actor_name)
        SELECT p_city, 'attendance', c.id, c.was,
               CASE c.target WHEN 'present' THEN 'sign_in' WHEN 'late' THEN 'sign_in_late' ELSE 'miss' END, c.target, p_at,
               c.by_user, c.by_name
        FROM c
    )
    SELECT (SELECT count(*) FROM moved) < (SELECT count(*) FROM c) INTO v_missing;
    IF v_missing THEN
        RAISE EXCEPTION 'an attendance changed in the moment of its sign-in' USING ERRCODE = '40001';
    END IF;
END $$;

-- Sign-ins of a caller who holds their keys already: locked, judged, written.
CREATE OR REPLACE FUNCTION sign_in_many(
    p_city int, p_attendances bigint[], p_methods text[], p_moments timestamptz[], p_opens timestamptz[],
    p_late_after timestamptz[], p_closes timestamptz[], p_longitudes numeric[], p_latitudes numeric[], p_distances int[],
    p_radii int[], p_devices bytea[], p_users bigint[], p_names text[], p_reasons text[], p_facts jsonb[], p_at timestamptz
) RETURNS TABLE (place int, answer text, attendance_id bigint, state text, flags jsonb, signed_at timestamptz)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    v record;
BEGIN
    PERFORM 1 FROM attendance WHERE city_code = p_city AND id = ANY(p_attendances) ORDER BY id FOR NO KEY UPDATE;
    SELECT array_agg(j.answer) AS answers, array_agg(j.attendance_id) AS ids, array_agg(j.was) AS was,
           array_agg(j.had_signed) AS had_signed, array_agg(j.state) AS states, array_agg(j.flags) AS flags,
           array_agg(j.signed_at) AS signed
    INTO v
    FROM judge_sign_ins(p_city, p_attendances, p_methods, p_moments, p_opens, p_late_after, p_closes, p_distances, p_radii,
                        p_devices, p_facts, p_at) j;
    PERFORM write_sign_ins(p_city, v.answers, v.ids, v.was, v.had_signed, v.states, v.flags, p_moments, p_methods,
                           p_longitudes, p_latitudes, p_distances, p_devices, p_users, p_names, p_reasons, p_facts, p_at);
    RETURN QUERY SELECT g.place::int, g.answer, g.id, g.state, g.flags, g.signed
    FROM unnest(v.answers, v.ids, v.states, v.flags, v.signed) WITH ORDINALITY AS g (answer, id, state, flags, signed, place);
END $$;

-- What the gate sends for a sign-in that counts; NULL for any other.
CREATE OR REPLACE FUNCTION sign_in_body(p_city int, p_answer text, p_id bigint, p_state text, p_signed timestamptz, p_flags jsonb)
RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN p_answer IN ('ok', 'already') THEN format(
        '{"city_code":%s,"attendance_id":"%s","state":"%s","signed_at":"%s","flags":%s}', p_city, p_id, p_state,
        to_char(p_signed AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), p_flags) END
$$;

-- The same as it is kept with the key, where the pages find it too.
CREATE OR REPLACE FUNCTION sign_in_answer(p_city int, p_id bigint, p_body text)
RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN p_body IS NOT NULL THEN
        jsonb_build_object('model', 'attendance.attendance', 'city_code', p_city, 'pk', p_id, 'body', p_body) END
$$;

-- A group of sign-ins with their idempotency keys, audit events and stored answers, for the gate.
-- Almost always no key has been seen before and nobody else touches the attendances in this very moment. So the group is judged
-- first, its keys are written once with their answers in them (an answer added later makes the row leave its page, and its
-- indexes grow twice), and the effect holds only for attendances that are still as they were judged; else the whole group is
-- rolled back and tried again. Keys come before attendances, as in the acts of the pages: nobody waits in a circle.
CREATE OR REPLACE FUNCTION sign_in_through_gate(
    p_city int, p_attendances bigint[], p_methods text[], p_moments timestamptz[], p_opens timestamptz[],
    p_late_after timestamptz[], p_closes timestamptz[], p_longitudes numeric[], p_latitudes numeric[], p_distances int[],
    p_radii int[], p_devices bytea[], p_users bigint[], p_names text[], p_reasons text[], p_facts jsonb[], p_people bigint[],
    p_regions int[], p_keys text[], p_hashes bytea[], p_at timestamptz
) RETURNS TABLE (place int, state text, answer text, body text, kept jsonb, attendance_state text)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    v_states text[];
    v_keys bigint[];
    v_kept jsonb[];
    v_new int[];
    v record;
BEGIN
    SELECT array_agg(j.answer) AS answers, array_agg(j.attendance_id) AS ids, array_agg(j.was) AS was,
           array_agg(j.had_signed) AS had_signed, array_agg(j.state) AS states, array_agg(j.flags) AS flags,
           array_agg(sign_in_body(p_city, j.answer, j.attendance_id, j.state, j.signed_at, j.flags)) AS bodies
    INTO v
    FROM judge_sign_ins(p_city, p_attendances, p_methods, p_moments, p_opens, p_late_after, p_closes, p_distances, p_radii,
                        p_devices, p_facts, p_at) j;
    WITH made AS (
        INSERT INTO idempotency_key (city_code, act, actor, key, input_hash, at, answer)
        SELECT p_city, 'attendance.sign_in', 'user:' || g.by_user, g.key, g.hash, p_at,
               sign_in_answer(p_city, g.id, g.body)
        FROM unnest(p_users, p_keys, p_hashes, v.ids, v.bodies) AS g (by_user, key, hash, id, body)
        ORDER BY 'user:' || g.by_user, g.key
        ON CONFLICT DO NOTHING
        RETURNING id
    )
    SELECT array_agg(id) INTO v_keys FROM made;
    IF cardinality(v_keys) = cardinality(p_keys) THEN
        PERFORM write_sign_ins(p_city, v.answers, v.ids, v.was, v.had_signed, v.states, v.flags, p_moments, p_methods,
                               p_longitudes, p_latitudes, p_distances, p_devices, p_users, p_names, p_reasons, p_facts, p_at);
        INSERT INTO audit_event (city_code, at, act, region_code, actor_user_id, actor_name, object_type, object_id,
                                 person_id, detail)
        SELECT p_city, p_at, 'attendance.sign_in', g.region, g.by_user, g.by_name, 'attendance.attendance', g.id, g.person,
               '{"through": "gate"}'
        FROM unnest(v.bodies, p_regions, p_users, p_names, v.ids, p_people) AS g (body, region, by_user, by_name, id, person)
        WHERE g.body IS NOT NULL;
        RETURN QUERY SELECT g.place::int, 'new', g.answer, g.body, NULL::jsonb, g.state
        FROM unnest(v.answers, v.bodies, v.states) WITH ORDINALITY AS g (answer, body, state, place);
        RETURN;
    END IF;

    -- Some keys are known, or come twice: which ones are to be decided is asked first, and their answers follow the effect.
    UPDATE idempotency_key SET answer = NULL WHERE city_code = p_city AND id = ANY(v_keys) AND answer IS NOT NULL;
    SELECT array_agg(k.state ORDER BY k.place), array_agg(k.key_id ORDER BY k.place), array_agg(k.answer ORDER BY k.place),
           coalesce(array_agg(k.place ORDER BY k.place) FILTER (WHERE k.state = 'new'), '{}')
    INTO v_states, v_keys, v_kept, v_new
    FROM hold_keys(p_city, 'attendance.sign_in', (SELECT array_agg('user:' || u ORDER BY n)
                                                  FROM unnest(p_users) WITH ORDINALITY AS g (u, n)), p_keys, p_hashes, p_at) k;
    IF cardinality(v_new) < cardinality(p_keys) THEN
        -- Some are decided already: only the new ones are asked.
        SELECT array_agg(p_attendances[n] ORDER BY nth), array_agg(p_methods[n] ORDER BY nth),
               array_agg(p_moments[n] ORDER BY nth), array_agg(p_opens[n] ORDER BY nth),
               array_agg(p_late_after[n] ORDER BY nth), array_agg(p_closes[n] ORDER BY nth),
               array_agg(p_longitudes[n] ORDER BY nth), array_agg(p_latitudes[n] ORDER BY nth),
               array_agg(p_distances[n] ORDER BY nth), array_agg(p_radii[n] ORDER BY nth),
               array_agg(p_devices[n] ORDER BY nth), array_agg(p_users[n] ORDER BY nth),
               array_agg(p_names[n] ORDER BY nth), array_agg(p_reasons[n] ORDER BY nth), array_agg(p_facts[n] ORDER BY nth),
               array_agg(p_people[n] ORDER BY nth), array_agg(p_regions[n] ORDER BY nth)
        INTO p_attendances, p_methods, p_moments, p_opens, p_late_after, p_closes, p_longitudes, p_latitudes, p_distances,
             p_radii, p_devices, p_users, p_names, p_reasons, p_facts, p_people, p_regions
        FROM unnest(v_new) WITH ORDINALITY AS g (n, nth);
    END IF;
    RETURN QUERY
    WITH done AS MATERIALIZED (
        SELECT s.place AS nth, v_new[s.place] AS place, s.answer, s.attendance_id, s.state,
               sign_in_body(p_city, s.answer, s.attendance_id, s.state, s.signed_at, s.flags) AS body
        FROM sign_in_many(p_city, p_attendances, p_methods, p_moments, p_opens, p_late_after, p_closes, p_longitudes,
                          p_latitudes, p_distances, p_radii, p_devices, p_users, p_names, p_reasons, p_facts, p_at) s
    ), logged AS (
        INSERT INTO audit_event (city_code, at, act, region_code, actor_user_id, actor_name, object_type, object_id,
                                 person_id, detail)
        SELECT p_city, p_at, 'attendance.sign_in', p_regions[nth], p_users[nth], p_names[nth], 'attendance.attendance',
               attendance_id, p_people[nth], '{"through": "gate"}'
        FROM done WHERE answer IN ('ok', 'already')
    ), stored AS (
        UPDATE idempotency_key held
        SET answer = sign_in_answer(p_city, done.attendance_id, done.body)
        FROM done WHERE held.city_code = p_city AND held.id = v_keys[done.place] AND done.body IS NOT NULL
    )
    SELECT done.place, 'new', done.answer, done.body, NULL::jsonb, done.state FROM done
    UNION ALL
    SELECT g.n::int, v_states[g.n], NULL, NULL, v_kept[g.n], NULL
    FROM generate_series(1, cardinality(v_states)) AS g (n) WHERE v_states[g.n] <> 'new';
END $$;
