-- An answer with fewer columns cannot be replaced. Here and not in a migration: older migrations run this text as well.
DO $$
DECLARE
    v_old regprocedure := to_regprocedure(
        'verify_vouchers(int, bigint, bigint, text, text[], text[], text[], timestamptz, timestamptz[])');
BEGIN
    IF v_old IS NOT NULL AND strpos(pg_get_function_result(v_old), 'used_where') = 0 THEN
        EXECUTE format('DROP FUNCTION %s', v_old);
    END IF;
END $$;

-- 验券, one or a group for one asker: what each code is worth, by whom it was used, and whether the asker guesses. The only
-- place where these rules are written. A used voucher becomes verified when its own provider asks (方案 一（一）3（3）).
-- p_known holds answers that were decided before (malformed, forged, altered, foreign_key, stale, expired); the code is NULL
-- then, except of a genuine token that came too late (stale, expired): its holder shall see that it was shown. p_shown is when a screen's QR was issued, NULL for all else: the same one at two organisations is a screenshot sent
-- around (replayed). Every question but too_many is logged. Ten wrong codes within a minute, of the account or of the organisation, close the way to the next one.
CREATE OR REPLACE FUNCTION verify_vouchers(
    p_city int, p_organisation bigint, p_user bigint, p_name text, p_codes text[], p_known text[], p_methods text[],
    p_at timestamptz, p_shown timestamptz[] DEFAULT NULL
) RETURNS TABLE (
    place int, answer text, voucher_id bigint, voucher_city int, state text, use_until timestamptz, used_at timestamptz,
    provider_id bigint, project_provider_id bigint, project_name text, retry_at timestamptz, ended_at timestamptz,
    used_where text
)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    v_left int := 10;
    v_retry timestamptz := p_at + INTERVAL '1 minute';
    v_used bigint[];
    v_count int;
    v_first timestamptz;
BEGIN
    -- One at a time for each asker, or tries at the same moment would not see each other.
    IF p_user IS NOT NULL THEN
        PERFORM pg_advisory_xact_lock(hashtextextended(format('verify:%s:user:%s', p_city, p_user), 0));
        SELECT count(*), min(at) INTO v_count, v_first FROM (
            SELECT at FROM voucher_check WHERE city_code = p_city AND actor_user_id = p_user
            AND answer IN ('not_found', 'forged') AND at > p_at - INTERVAL '1 minute' AND at <= p_at
            ORDER BY at DESC LIMIT 10) tries;
        v_left := 10 - v_count;
        v_retry := CASE WHEN v_left = 0 THEN v_first + INTERVAL '1 minute' ELSE v_retry END;
    END IF;
    IF p_organisation IS NOT NULL THEN
        PERFORM pg_advisory_xact_lock(hashtextextended(format('verify:%s:organisation:%s', p_city, p_organisation), 0));
        SELECT count(*), min(at) INTO v_count, v_first FROM (
            SELECT at FROM voucher_check WHERE city_code = p_city AND organisation_id = p_organisation
            AND answer IN ('not_found', 'forged') AND at > p_at - INTERVAL '1 minute' AND at <= p_at
            ORDER BY at DESC LIMIT 10) tries;
        v_retry := CASE WHEN v_count = 10 THEN greatest(v_first + INTERVAL '1 minute',
                                                        CASE WHEN v_left = 0 THEN v_retry END) ELSE v_retry END;
        v_left := least(v_left, 10 - v_count);
    END IF;

    -- One at a time for each code on a screen too, in one order, or two organisations at the same moment would both be first.
    PERFORM pg_advisory_xact_lock(hashtextextended('shown:' || s.code, 0)) FROM (
        SELECT DISTINCT g.code FROM unnest(p_codes, p_shown) AS g (code, shown)
        WHERE g.shown IS NOT NULL AND g.code IS NOT NULL AND p_organisation IS NOT NULL ORDER BY g.code) s;

    -- The used ones of this provider become verified; by id, so that two askers meet them in one order.
    IF p_organisation IS NOT NULL AND v_left > 0 THEN
        SELECT array_agg(held.id) INTO v_used FROM (
            SELECT id FROM voucher WHERE city_code = p_city AND code = ANY(p_codes) AND state = 'used'
            AND provider_id = p_organisation ORDER BY id FOR NO KEY UPDATE) held;
    END IF;
    RETURN QUERY
    WITH given AS (
        SELECT g.place::int AS place, g.code, g.known, g.method, g.shown
        FROM unnest(p_codes, p_known, p_methods, p_shown) WITH ORDINALITY AS g (code, known, method, shown, place)
    ), judged AS (
        SELECT given.*, v.id, v.city_code AS voucher_city, v.used_at, v.ended_at, v.provider_id, b.use_until,
               -- Where it was used, for whom it does not concern: the district alone.
               CASE WHEN v.provider_id = p_organisation THEN '本机构' ELSE r.name || '的一家机构' END AS used_where,
               coalesce(p.name, b.scope_text)
                   || CASE WHEN b.kind = 'sign_in_only' THEN '，只签到、不补贴' ELSE '' END AS project_name,
               p.provider_id AS project_provider_id, v.state,
               CASE
                   WHEN given.known IS NOT NULL THEN given.known
                   WHEN v.id IS NULL THEN 'not_found'
                   WHEN v.city_code <> p_city THEN 'other_city'
                   WHEN given.shown IS NOT NULL AND p_organisation IS NOT NULL AND EXISTS (
                       SELECT 1 FROM voucher_check k
                       WHERE k.city_code = p_city AND k.voucher_id = v.id AND k.shown_at = given.shown
                         AND k.organisation_id <> p_organisation AND k.answer <> 'replayed') THEN 'replayed'
                   WHEN v.state IN ('redeemed', 'returned', 'void') THEN v.state
                   WHEN v.state = 'expired' OR (v.state = 'claimed' AND p_at > b.use_until) THEN 'expired'
                   WHEN v.state = 'claimed' AND CASE
                       WHEN b.project_id IS NOT NULL THEN p_organisation <> p.provider_id
                       ELSE NOT batch_covers_provider(p_city, b.id, p_organisation)
                   END THEN 'not_here'
                   WHEN v.state = 'claimed' THEN 'good'
                   WHEN p_organisation = v.provider_id THEN 'verified'
                   WHEN p_organisation IS NULL AND given.method <> 'public' THEN 'verified'
                   ELSE 'used'
               END AS answer
        FROM given
        LEFT JOIN voucher v ON v.city_code = left(given.code, 6)::int AND v.code = given.code
        LEFT JOIN voucher_batch b ON b.city_code = v.city_code AND b.id = v.batch_id
        LEFT JOIN project p ON p.city_code = b.city_code AND p.id = b.project_id
        LEFT JOIN organisation o ON o.city_code = v.city_code AND o.id = v.provider_id
        LEFT JOIN region r ON r.code = o.region_id
    ), counted AS MATERIALIZED (
        SELECT judged.*, coalesce(sum((judged.answer IN ('not_found', 'forged'))::int) OVER (
            ORDER BY judged.place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) >= v_left AS too_many
        FROM judged
    ), logged AS (
        INSERT INTO voucher_check (city_code, voucher_id, organisation_id, actor_user_id, method, answer, at, shown_at)
        SELECT p_city, CASE WHEN c.voucher_city = p_city THEN c.id END, p_organisation, p_user, c.method, c.answer, p_at,
               c.shown
        FROM counted c WHERE NOT c.too_many
    ), told AS (
        -- Asked in another city: the voucher's own city has it too, where its holder looks. Who asked stays with the asker's city.
        INSERT INTO voucher_check (city_code, voucher_id, method, answer, at)
        SELECT c.voucher_city, c.id, c.method, 'other_city', p_at FROM counted c
        WHERE c.voucher_city <> p_city AND NOT c.too_many
    ), moved AS (
        UPDATE voucher SET state = 'verified', verified_at = p_at
        WHERE city_code = p_city AND id IN (SELECT c.id FROM counted c WHERE c.id = ANY(v_used) AND c.answer = 'verified' AND NOT c.too_many)
          AND state = 'used'
        RETURNING id
    ), changed AS (
        INSERT INTO state_change (city_code, machine, object_id, source, event, target, at, actor_user_id, actor_name)
        SELECT p_city, 'voucher', id, 'used', 'verify', 'verified', p_at, p_user, p_name FROM moved
    )
    SELECT c.place, CASE WHEN c.too_many THEN 'too_many' ELSE c.answer::text END, c.id, c.voucher_city,
           CASE WHEN moved.id IS NOT NULL THEN 'verified' ELSE c.state::text END,
           c.use_until, c.used_at, c.provider_id, c.project_provider_id, c.project_name::text,
           CASE WHEN c.too_many THEN v_retry END, c.ended_at, c.used_where::text
    FROM counted c LEFT JOIN moved ON moved.id = c.id AND c.voucher_city = p_city
    ORDER BY c.place;
END $$;
