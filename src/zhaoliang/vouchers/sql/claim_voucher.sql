-- One claim of one voucher: exact quota, one per person, no hot row. The only place where these rules are written; the
-- service and any faster entrance call it. Runs in the caller's transaction and with the caller's rights.
-- Returns (answer, voucher_id, slot); answer is one of: ok, unknown, not_open, early, late, has_one, full.
-- Raises ZL011 when the batch was closed in the very moment of the claim: the caller's transaction is rolled back.
CREATE OR REPLACE FUNCTION claim_voucher(
    p_city int, p_batch bigint, p_person bigint, p_code text, p_channel text, p_declaration text, p_at timestamptz,
    OUT answer text, OUT voucher_id bigint, OUT slot int
)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    v_batch record;
    v_home int;
    v_slot int;
    v_id bigint;
BEGIN
    SELECT state, amount_fen, quota, claim_from, claim_until INTO v_batch
    FROM voucher_batch WHERE city_code = p_city AND id = p_batch;
    answer := CASE
        WHEN NOT FOUND THEN 'unknown'
        WHEN v_batch.state <> 'open' THEN 'not_open'
        WHEN p_at < v_batch.claim_from THEN 'early'
        WHEN p_at > v_batch.claim_until THEN 'late'
        WHEN EXISTS (SELECT 1 FROM voucher WHERE city_code = p_city AND batch_id = p_batch AND person_id = p_person
                     AND state <> 'returned') THEN 'has_one'
    END;
    IF answer IS NOT NULL THEN
        RETURN;
    END IF;

    -- A place: first the slot that belongs to this connection, then any slot nobody holds, then wait for a held one.
    -- A slot that turns out full when it is locked stays locked until its (sub)transaction ends. Each try is therefore a
    -- subtransaction of its own, given up when it found nothing: who waits holds no slot but lower ones, so nobody waits in
    -- a circle.
    BEGIN
        v_home := pg_backend_pid() % least(v_batch.quota, 32);
        SELECT slot INTO v_slot FROM batch_slot
        WHERE city_code = p_city AND batch_id = p_batch AND slot = v_home AND claimed < quota
        FOR NO KEY UPDATE SKIP LOCKED;
        IF v_slot IS NULL THEN
            SELECT slot INTO v_slot FROM batch_slot
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
        BEGIN
            SELECT slot INTO v_slot FROM batch_slot
            WHERE city_code = p_city AND batch_id = p_batch AND claimed < quota
            ORDER BY slot LIMIT 1 FOR NO KEY UPDATE;
            IF v_slot IS NULL THEN
                RAISE EXCEPTION 'no slot with room' USING ERRCODE = 'ZL012';
            END IF;
        EXCEPTION WHEN SQLSTATE 'ZL012' THEN
            -- The slot waited for may have filled up while another one still has room: only an empty look ends the search.
            IF NOT EXISTS (
                SELECT 1 FROM batch_slot WHERE city_code = p_city AND batch_id = p_batch AND claimed < quota
            ) THEN
                answer := 'full';
                RETURN;
            END IF;
        END;
    END LOOP;
    UPDATE batch_slot SET claimed = claimed + 1 WHERE city_code = p_city AND batch_id = p_batch AND slot = v_slot;

    INSERT INTO voucher (city_code, batch_id, slot, person_id, code, amount_fen, state, channel, declaration, claimed_at,
                         ended_reason)
    VALUES (p_city, p_batch, v_slot, p_person, p_code, v_batch.amount_fen, 'claimed', p_channel, p_declaration, p_at, '')
    ON CONFLICT (city_code, batch_id, person_id) WHERE state <> 'returned' DO NOTHING
    RETURNING id INTO v_id;
    IF v_id IS NULL THEN
        UPDATE batch_slot SET claimed = claimed - 1 WHERE city_code = p_city AND batch_id = p_batch AND slot = v_slot;
        answer := 'has_one';
        RETURN;
    END IF;

    -- The new row's foreign key now holds the batch against being suspended or closed (which lock it FOR UPDATE).
    PERFORM 1 FROM voucher_batch WHERE city_code = p_city AND id = p_batch AND state = 'open';
    IF NOT FOUND THEN
        RAISE EXCEPTION 'batch % is not open any more', p_batch USING ERRCODE = 'ZL011';
    END IF;
    answer := 'ok';
    voucher_id := v_id;
    slot := v_slot;
END $$;
