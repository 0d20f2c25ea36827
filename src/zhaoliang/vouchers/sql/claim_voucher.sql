-- Claims of one batch, one or a group: exact quota, one per person, no hot row. The only place where these rules are
-- written; the service calls it for one, the gate for a group. Runs in the caller's transaction and with the caller's rights.
-- One row for each claim, by place; answer is one of: ok, unknown, not_open, targeted (only by list), early, late, has_one, full, again (not
-- decided: the group got some vouchers, and the places left are held by others; ask again in another transaction).
-- Raises ZL011 when the batch was closed in the very moment of the claim: the caller's transaction is rolled back.
-- Plans are made once for arrays of any length: planning anew for each length would cost more than the work itself.
CREATE OR REPLACE FUNCTION claim_vouchers(
    p_city int, p_batch bigint, p_people bigint[], p_codes text[], p_channel text, p_declarations text[], p_at timestamptz
) RETURNS TABLE (place int, answer text, voucher_id bigint, slot int)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_hashjoin = on AS $$
#variable_conflict use_column
DECLARE
    v_batch record;
    v_answer text;
    v_answers text[];
    v_ids bigint[];
    v_slots int[];
    v_waiting int[];
    v_group int[];
    v_row record;
    v_home int;
    v_slot int;
    v_room int;
    v_made int;
    v_won int := 0;
BEGIN
    SELECT state, issue, amount_fen, quota, claim_from, claim_until INTO v_batch
    FROM voucher_batch WHERE city_code = p_city AND id = p_batch;
    v_answer := CASE
        WHEN NOT FOUND THEN 'unknown'
        WHEN v_batch.state <> 'open' THEN 'not_open'
        WHEN v_batch.issue = 'targeted' AND p_channel <> 'issued' THEN 'targeted'
        WHEN p_at < v_batch.claim_from THEN 'early'
        WHEN p_at > v_batch.claim_until THEN 'late'
    END;
    IF v_answer IS NOT NULL THEN
        RETURN QUERY SELECT n, v_answer, NULL::bigint, NULL::int FROM generate_series(1, cardinality(p_people)) n;
        RETURN;
    END IF;
    v_answers := array_fill('has_one'::text, ARRAY[cardinality(p_people)]);
    v_ids := array_fill(NULL::bigint, ARRAY[cardinality(p_people)]);
    v_slots := array_fill(NULL::int, ARRAY[cardinality(p_people)]);
    -- By person, so that two groups with common people meet them in one order. The first voucher from each on, in the order of
    -- the index over batch and person: no other one gives that order, and so none is taken, whatever the planner thinks of the
    -- table. While it has no statistics a batch seems to be one row, and every group would read all vouchers of the city.
    SELECT array_agg(g.place ORDER BY g.person) INTO v_waiting
    FROM unnest(p_people) WITH ORDINALITY AS g (person, place)
    WHERE NOT EXISTS (
        SELECT 1 FROM (
            SELECT batch_id, person_id FROM voucher
            WHERE city_code = p_city AND (batch_id, person_id) >= (p_batch, g.person) AND state <> 'returned'
            ORDER BY batch_id, person_id LIMIT 1
        ) near WHERE batch_id = p_batch AND person_id = g.person
    );

    WHILE cardinality(v_waiting) > 0 LOOP
        -- Room: first the slot that belongs to this connection, then any slot nobody holds, then wait for a held one.
        -- A slot that turns out full when it is locked stays locked until its (sub)transaction ends. Each try is therefore
        -- a subtransaction of its own, given up when it found nothing. Who waits for a slot holds none but lower ones, and
        -- who got vouchers waits for none, so nobody waits in a circle.
        v_slot := NULL;
        BEGIN
            v_home := pg_backend_pid() % least(v_batch.quota, 32);
            SELECT slot, quota - claimed INTO v_slot, v_room FROM batch_slot
            WHERE city_code = p_city AND batch_id = p_batch AND slot = v_home AND claimed < quota
            FOR NO KEY UPDATE SKIP LOCKED;
            IF v_slot IS NULL THEN
                SELECT slot, quota - claimed INTO v_slot, v_room FROM batch_slot
                WHERE city_code = p_city AND batch_id = p_batch AND claimed < quota
                LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED;
            END IF;
            IF v_slot IS NULL THEN
                RAISE EXCEPTION 'no free slot' USING ERRCODE = 'ZL012';
            END IF;
        EXCEPTION WHEN SQLSTATE 'ZL012' THEN
            v_slot := NULL;
        END;
        WHILE v_slot IS NULL LOOP
            -- The slot waited for may have filled up while another one still has room: only an empty look ends the search.
            IF NOT EXISTS (
                SELECT 1 FROM batch_slot WHERE city_code = p_city AND batch_id = p_batch AND claimed < quota
            ) THEN
                v_answer := 'full';
                EXIT;
            END IF;
            IF v_won > 0 THEN
                v_answer := 'again';
                EXIT;
            END IF;
            BEGIN
                SELECT slot, quota - claimed INTO v_slot, v_room FROM batch_slot
                WHERE city_code = p_city AND batch_id = p_batch AND claimed < quota
                ORDER BY slot LIMIT 1 FOR NO KEY UPDATE;
                IF v_slot IS NULL THEN
                    RAISE EXCEPTION 'no slot with room' USING ERRCODE = 'ZL012';
                END IF;
            EXCEPTION WHEN SQLSTATE 'ZL012' THEN
                v_slot := NULL;
            END;
        END LOOP;
        IF v_slot IS NULL THEN
            FOREACH v_room IN ARRAY v_waiting LOOP
                v_answers[v_room] := v_answer;
            END LOOP;
            EXIT;
        END IF;

        v_group := v_waiting[1:v_room];
        v_waiting := v_waiting[v_room + 1:];
        v_made := 0;
        FOR v_row IN
            WITH made AS (
                INSERT INTO voucher (city_code, batch_id, slot, person_id, code, amount_fen, state, channel, declaration,
                                     claimed_at, ended_reason)
                SELECT p_city, p_batch, v_slot, p_people[g.place], p_codes[g.place], v_batch.amount_fen, 'claimed',
                       p_channel, p_declarations[g.place], p_at, ''
                FROM unnest(v_group) WITH ORDINALITY AS g (place, nth) ORDER BY g.nth
                ON CONFLICT (city_code, batch_id, person_id) WHERE state <> 'returned' DO NOTHING
                RETURNING id, code
            )
            SELECT g.place, made.id FROM made JOIN unnest(v_group) AS g (place) ON p_codes[g.place] = made.code
        LOOP
            v_answers[v_row.place] := 'ok';
            v_ids[v_row.place] := v_row.id;
            v_slots[v_row.place] := v_slot;
            v_made := v_made + 1;
        END LOOP;
        UPDATE batch_slot SET claimed = claimed + v_made
        WHERE city_code = p_city AND batch_id = p_batch AND slot = v_slot AND v_made > 0;
        v_won := v_won + v_made;
    END LOOP;

    -- The new rows' foreign key now holds the batch against being suspended or closed (which lock it FOR UPDATE).
    IF v_won > 0 THEN
        PERFORM 1 FROM voucher_batch WHERE city_code = p_city AND id = p_batch AND state = 'open';
        IF NOT FOUND THEN
            RAISE EXCEPTION 'batch % is not open any more', p_batch USING ERRCODE = 'ZL011';
        END IF;
    END IF;
    RETURN QUERY SELECT n::int, g.answer, g.id, g.slot
    FROM unnest(v_answers, v_ids, v_slots) WITH ORDINALITY AS g (answer, id, slot, n);
END $$;

-- One claim. While the slot of this connection has plenty of room, nothing of the above is needed but the four statements that
-- any claim costs; everything else (the last places, a held slot, a batch that is not open) is decided above. A test asks both
-- the same. Plenty: more than the largest group takes,
-- so that the slot does not fill up between being looked at and being locked.
CREATE OR REPLACE FUNCTION claim_voucher(
    p_city int, p_batch bigint, p_person bigint, p_code text, p_channel text, p_declaration text, p_at timestamptz,
    OUT answer text, OUT voucher_id bigint, OUT slot int
)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    v_amount bigint;
    v_home int;
BEGIN
    SELECT b.amount_fen, s.slot INTO v_amount, v_home
    FROM voucher_batch b
    JOIN batch_slot s ON s.city_code = b.city_code AND s.batch_id = b.id AND s.slot = pg_backend_pid() % least(b.quota, 32)
    WHERE b.city_code = p_city AND b.id = p_batch AND b.state = 'open' AND p_at BETWEEN b.claim_from AND b.claim_until
      AND (b.issue = 'open' OR p_channel = 'issued')
      AND s.quota - s.claimed > 128;
    IF FOUND THEN
        UPDATE batch_slot s SET claimed = s.claimed + 1
        FROM (SELECT slot FROM batch_slot WHERE city_code = p_city AND batch_id = p_batch AND slot = v_home
              FOR NO KEY UPDATE SKIP LOCKED) held
        WHERE s.city_code = p_city AND s.batch_id = p_batch AND s.slot = held.slot AND s.claimed < s.quota
        RETURNING s.slot INTO slot;
    END IF;
    IF slot IS NULL THEN
        SELECT c.answer, c.voucher_id, c.slot INTO answer, voucher_id, slot
        FROM claim_vouchers(p_city, p_batch, ARRAY[p_person], ARRAY[p_code], p_channel, ARRAY[p_declaration], p_at) c;
        RETURN;
    END IF;
    INSERT INTO voucher (city_code, batch_id, slot, person_id, code, amount_fen, state, channel, declaration, claimed_at,
                         ended_reason)
    VALUES (p_city, p_batch, v_home, p_person, p_code, v_amount, 'claimed', p_channel, p_declaration, p_at, '')
    ON CONFLICT (city_code, batch_id, person_id) WHERE state <> 'returned' DO NOTHING
    RETURNING id INTO voucher_id;
    IF voucher_id IS NULL THEN
        UPDATE batch_slot SET claimed = claimed - 1 WHERE city_code = p_city AND batch_id = p_batch AND slot = v_home;
        answer := 'has_one';
        slot := NULL;
        RETURN;
    END IF;
    -- As above: the new row's foreign key holds the batch.
    PERFORM 1 FROM voucher_batch WHERE city_code = p_city AND id = p_batch AND state = 'open';
    IF NOT FOUND THEN
        RAISE EXCEPTION 'batch % is not open any more', p_batch USING ERRCODE = 'ZL011';
    END IF;
    answer := 'ok';
END $$;

-- A group of claims with their idempotency keys, audit events and stored answers, for the gate. `state` is new, replay
-- or reused, `kept` the stored answer of a replay, `body` the answer to send where a voucher was made now.
CREATE OR REPLACE FUNCTION claim_through_gate(
    p_city int, p_batch bigint, p_people bigint[], p_codes text[], p_channel text, p_extra text[], p_users bigint[],
    p_names text[], p_keys text[], p_hashes bytea[], p_at timestamptz
) RETURNS TABLE (place int, state text, answer text, body text, kept jsonb)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    v_batch record;
    v_states text[];
    v_keys bigint[];
    v_kept jsonb[];
    v_new int[];
BEGIN
    SELECT array_agg(k.state ORDER BY k.place), array_agg(k.key_id ORDER BY k.place), array_agg(k.answer ORDER BY k.place),
           array_agg(k.place ORDER BY k.place) FILTER (WHERE k.state = 'new')
    INTO v_states, v_keys, v_kept, v_new
    FROM hold_keys(p_city, 'vouchers.claim', (SELECT array_agg('user:' || u ORDER BY n)
                                              FROM unnest(p_users) WITH ORDINALITY AS g (u, n)), p_keys, p_hashes, p_at) k;
    SELECT region_id, declaration, amount_fen,
           to_char(use_until AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS use_until
    INTO v_batch FROM voucher_batch WHERE city_code = p_city AND id = p_batch;
    RETURN QUERY
    WITH asked AS MATERIALIZED (
        SELECT coalesce(array_agg(p_people[n] ORDER BY nth), '{}') AS people,
               coalesce(array_agg(p_codes[n] ORDER BY nth), '{}') AS codes,
               coalesce(array_agg(coalesce(v_batch.declaration, '') || p_extra[n] ORDER BY nth), '{}') AS declarations
        FROM unnest(v_new) WITH ORDINALITY AS g (n, nth)
    ), done AS MATERIALIZED (
        SELECT v_new[c.place] AS place, c.answer, c.voucher_id,
               CASE WHEN c.answer = 'ok' THEN format(
                   '{"city_code":%s,"id":"%s","code":"%s","state":"claimed","amount_fen":%s,"use_until":"%s"}',
                   p_city, c.voucher_id, p_codes[v_new[c.place]], v_batch.amount_fen, v_batch.use_until) END AS body
        FROM asked, claim_vouchers(p_city, p_batch, asked.people, asked.codes, p_channel, asked.declarations, p_at) c
    ), logged AS (
        INSERT INTO audit_event (city_code, at, act, region_code, actor_user_id, actor_name, object_type, object_id,
                                 person_id, detail)
        SELECT p_city, p_at, 'vouchers.claim', v_batch.region_id, p_users[place], p_names[place], 'vouchers.voucher',
               voucher_id, p_people[place], '{"through": "gate"}'
        FROM done WHERE answer = 'ok'
    ), stored AS (
        UPDATE idempotency_key held
        SET answer = jsonb_build_object('model', 'vouchers.voucher', 'city_code', p_city, 'pk', done.voucher_id,
                                        'body', done.body)
        -- By its own index, as in hold_keys. Nobody else changes the row meanwhile: it was made or locked there.
        FROM done CROSS JOIN LATERAL (
            SELECT ctid AS mine FROM idempotency_key
            WHERE city_code = p_city AND id >= v_keys[done.place] ORDER BY id LIMIT 1
        ) key
        WHERE held.city_code = p_city AND held.ctid = key.mine AND done.answer = 'ok'
    )
    SELECT done.place, 'new', done.answer, done.body, NULL::jsonb FROM done
    UNION ALL
    SELECT g.n::int, v_states[g.n], NULL, NULL, v_kept[g.n]
    FROM generate_series(1, cardinality(p_people)) AS g (n) WHERE v_states[g.n] <> 'new';
END $$;
