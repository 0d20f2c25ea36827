-- Sign-ins, one or a group: what each counts, and which signals go to a person. The only place where these rules are
-- written. The window's figures come from the policy of the region and are given; so is the distance to the site in metres.
-- p_facts is what the phone says besides (services/phone.py): accuracy, mock, phone_at, skew_ms, elapsed_ms, sequence, code_age_s.
-- A session that the clock already counted as missed still takes what a phone without network signed in time, for a day.
-- answer is one of: ok, already (signed in before: nothing changes), early, wrong_state, unknown, again (a second time in
-- one group: ask once more).
-- Plans are made once for arrays of any length: planning anew for each group would cost five times the work itself.
CREATE OR REPLACE FUNCTION sign_in_many(
    p_city int, p_attendances bigint[], p_methods text[], p_moments timestamptz[], p_opens timestamptz[],
    p_late_after timestamptz[], p_closes timestamptz[], p_longitudes numeric[], p_latitudes numeric[], p_distances int[],
    p_radii int[], p_devices bytea[], p_users bigint[], p_names text[], p_reasons text[], p_facts jsonb[], p_at timestamptz
) RETURNS TABLE (place int, answer text, attendance_id bigint, state text, flags jsonb, signed_at timestamptz)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
    PERFORM 1 FROM attendance WHERE city_code = p_city AND id = ANY(p_attendances) ORDER BY id FOR NO KEY UPDATE;
    RETURN QUERY
    WITH given AS (
        SELECT g.*, row_number() OVER (PARTITION BY g.attendance ORDER BY g.place) AS nth
        FROM unnest(p_attendances, p_methods, p_moments, p_opens, p_late_after, p_closes, p_longitudes, p_latitudes,
                    p_distances, p_radii, p_devices, p_users, p_names, p_reasons, p_facts) WITH ORDINALITY
             AS g (attendance, method, moment, opens, late_after, closes, longitude, latitude, distance, radius, device,
                   by_user, by_name, reason, facts, place)
    ), judged AS (
        SELECT given.*, a.id, a.session_id, a.planned_minutes, a.state AS was, a.flags AS had, a.signed_at AS had_signed,
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
    ), counted AS MATERIALIZED (
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
    ), moved AS (
        UPDATE attendance a
        SET state = c.target, method = c.method, signed_at = c.moment, flags = c.flags,
            credited_minutes = CASE c.target WHEN 'present' THEN a.planned_minutes
                                             WHEN 'late' THEN a.planned_minutes / 2 ELSE 0 END
        FROM counted c WHERE a.city_code = p_city AND a.id = c.id AND c.answer = 'ok'
    ), logged AS (
        INSERT INTO sign_in (city_code, attendance_id, at, received_at, method, longitude, latitude, distance_m,
                             device_hash, by_user_id, reason, accuracy_m, mock, phone_at, skew_ms, elapsed_ms, sequence,
                             code_age_s)
        SELECT p_city, c.id, c.moment, p_at, c.method, c.longitude, c.latitude, c.distance, c.device, c.by_user, c.reason,
               (c.facts->>'accuracy')::int, (c.facts->>'mock')::boolean, to_timestamp((c.facts->>'phone_at')::bigint),
               (c.facts->>'skew_ms')::bigint, (c.facts->>'elapsed_ms')::bigint, (c.facts->>'sequence')::int,
               (c.facts->>'code_age_s')::int
        FROM counted c WHERE c.answer = 'ok'
    ), changed AS (
        INSERT INTO state_change (city_code, machine, object_id, source, event, target, at, actor_user_id, actor_name)
        SELECT p_city, 'attendance', c.id, c.was,
               CASE c.target WHEN 'present' THEN 'sign_in' WHEN 'late' THEN 'sign_in_late' ELSE 'miss' END, c.target, p_at,
               c.by_user, c.by_name
        FROM counted c WHERE c.answer = 'ok'
    )
    SELECT c.place::int, c.answer, c.id, CASE WHEN c.answer = 'ok' THEN c.target ELSE c.was::text END,
           CASE WHEN c.answer = 'ok' THEN c.flags ELSE c.had END,
           CASE WHEN c.answer = 'ok' THEN c.moment ELSE c.had_signed END
    FROM counted c ORDER BY c.place;
END $$;

-- A group of sign-ins with their idempotency keys, audit events and stored answers, for the gate.
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
BEGIN
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
               CASE WHEN s.answer IN ('ok', 'already') THEN format(
                   '{"city_code":%s,"attendance_id":"%s","state":"%s","signed_at":"%s","flags":%s}', p_city,
                   s.attendance_id, s.state, to_char(s.signed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
                   s.flags) END AS body
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
        SET answer = jsonb_build_object('model', 'attendance.attendance', 'city_code', p_city, 'pk', done.attendance_id,
                                        'body', done.body)
        FROM done WHERE held.city_code = p_city AND held.id = v_keys[done.place] AND done.body IS NOT NULL
    )
    SELECT done.place, 'new', done.answer, done.body, NULL::jsonb, done.state FROM done
    UNION ALL
    SELECT g.n::int, v_states[g.n], NULL, NULL, v_kept[g.n], NULL
    FROM generate_series(1, cardinality(v_states)) AS g (n) WHERE v_states[g.n] <> 'new';
END $$;
