-- Idempotency keys of a group of calls of one act, as `kernel.idempotency.guard` holds one: `new` (ours to decide),
-- `replay` (with the stored answer) or `reused` (the key was given with another input). One row for each key, by place.
-- Runs before the effect and in its transaction: who gives the same key at the same time waits for us here.
CREATE OR REPLACE FUNCTION hold_keys(
    p_city int, p_act text, p_actors text[], p_keys text[], p_hashes bytea[], p_at timestamptz
) RETURNS TABLE (place int, key_id bigint, state text, answer jsonb)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    v_places int[];
    v_made bigint[];
BEGIN
    SELECT array_agg(g.place ORDER BY g.actor, g.key) INTO v_places
    FROM unnest(p_actors, p_keys) WITH ORDINALITY AS g (actor, key, place);
    WITH made AS (
        INSERT INTO idempotency_key (city_code, act, actor, key, input_hash, at)
        SELECT p_city, p_act, p_actors[g.place], p_keys[g.place], p_hashes[g.place], p_at
        FROM unnest(v_places) WITH ORDINALITY AS g (place, nth) ORDER BY g.nth
        ON CONFLICT DO NOTHING
        RETURNING id
    )
    SELECT array_agg(id ORDER BY id) INTO v_made FROM made;
    -- Almost always nobody has given any of them before: their numbers were drawn in the order of their places.
    IF cardinality(v_made) = cardinality(v_places) THEN
        RETURN QUERY SELECT g.place, g.id, 'new', NULL::jsonb FROM unnest(v_places, v_made) AS g (place, id) ORDER BY g.place;
        RETURN;
    END IF;
    RETURN QUERY
    SELECT g.place, held.id,
           CASE WHEN held.input_hash <> p_hashes[g.place] THEN 'reused' WHEN held.answer IS NOT NULL THEN 'replay' ELSE 'new' END,
           held.answer
    FROM unnest(v_places) WITH ORDINALITY AS g (place, nth)
    CROSS JOIN LATERAL (
        -- The first key from each on, in the order of the index over keys: no other one gives that order, and so none is taken,
        -- whatever the planner thinks of the table. While it has no statistics the keys of a city seem to be a handful, and
        -- every group would read them all. Locked: of two that ask again what was left undecided the second sees the answer.
        SELECT actor, key, id, input_hash, answer FROM idempotency_key
        WHERE city_code = p_city AND act = p_act AND (actor, key) >= (p_actors[g.place], p_keys[g.place])
        ORDER BY actor, key LIMIT 1 FOR NO KEY UPDATE
    ) held
    WHERE held.actor = p_actors[g.place] AND held.key = p_keys[g.place]
    ORDER BY g.nth;
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
        SELECT actor, key, answer FROM idempotency_key
        WHERE city_code = p_city AND act = p_act AND (actor, key) >= (g.actor, g.key) ORDER BY actor, key LIMIT 1
    ) held
    WHERE held.actor = g.actor AND held.key = g.key;
END $$;
