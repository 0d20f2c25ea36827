-- Idempotency keys of a group of calls of one act, as `kernel.idempotency.guard` holds one: `new` (ours to decide),
-- `replay` (with the stored answer) or `reused` (the key was given with another input). One row for each key, by place.
-- Runs before the effect and in its transaction: who gives the same key at the same time waits for us here.
CREATE OR REPLACE FUNCTION hold_keys(
    p_city int, p_act text, p_actors text[], p_keys text[], p_hashes bytea[], p_at timestamptz
) RETURNS TABLE (place int, key_id bigint, state text, answer jsonb)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
    INSERT INTO idempotency_key (city_code, act, actor, key, input_hash, at)
    SELECT p_city, p_act, g.actor, g.key, g.hash, p_at
    FROM unnest(p_actors, p_keys, p_hashes) AS g (actor, key, hash)
    ORDER BY g.actor, g.key
    ON CONFLICT DO NOTHING;
    RETURN QUERY
    SELECT g.place::int, held.id,
           CASE WHEN held.input_hash <> g.hash THEN 'reused' WHEN held.answer IS NOT NULL THEN 'replay' ELSE 'new' END,
           held.answer
    FROM unnest(p_actors, p_keys, p_hashes) WITH ORDINALITY AS g (actor, key, hash, place)
    CROSS JOIN LATERAL (
        -- OFFSET 0: each is looked up by itself. Where the table has no statistics yet, the keys of an act seem to be a
        -- few, and every group would read them all.
        SELECT id, input_hash, answer FROM idempotency_key
        WHERE city_code = p_city AND act = p_act AND actor = g.actor AND key = g.key OFFSET 0
    ) held
    ORDER BY g.place;
END $$;

-- Keep the answers of calls that changed nothing (refusals). Returns what is stored now: another one may have been faster.
CREATE OR REPLACE FUNCTION keep_answers(
    p_city int, p_act text, p_actors text[], p_keys text[], p_answers jsonb[]
) RETURNS TABLE (place int, answer jsonb)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
    UPDATE idempotency_key held SET answer = g.answer
    FROM unnest(p_actors, p_keys, p_answers) AS g (actor, key, answer)
    WHERE held.city_code = p_city AND held.act = p_act AND held.actor = g.actor AND held.key = g.key
      AND held.answer IS NULL;
    RETURN QUERY
    SELECT g.place::int, held.answer
    FROM unnest(p_actors, p_keys) WITH ORDINALITY AS g (actor, key, place)
    CROSS JOIN LATERAL (
        SELECT answer FROM idempotency_key
        WHERE city_code = p_city AND act = p_act AND actor = g.actor AND key = g.key OFFSET 0
    ) held;
END $$;
