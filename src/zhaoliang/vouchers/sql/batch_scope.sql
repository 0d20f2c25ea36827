-- What a batch is good for: the only place where the lines of batch_scope are read. A batch for exactly one project names
-- it itself. The law on residence is not asked here: the region is where the training is.
CREATE OR REPLACE FUNCTION batch_covers(p_city int, p_batch bigint, p_project bigint) RETURNS boolean
LANGUAGE sql STABLE STRICT AS $$
    SELECT CASE
        WHEN b.project_id IS NOT NULL THEN b.project_id = p_project
        ELSE EXISTS (
            SELECT 1 FROM project p JOIN organisation o ON o.city_code = p.city_code AND o.id = p.provider_id
            WHERE p.city_code = p_city AND p.id = p_project
              AND (b.kind = 'sign_in_only' OR p.fund_source = b.fund_source)
              AND (
                  EXISTS (
                      SELECT 1 FROM batch_scope s
                      WHERE s.city_code = p_city AND s.batch_id = p_batch AND s.kind = 'project' AND s.project_id = p.id
                  )
                  OR (
                      CASE
                          WHEN b.region_id = 100000 THEN TRUE
                          WHEN b.region_id % 10000 = 0 THEN b.region_id / 10000 = p.region_id / 10000
                          WHEN b.region_id % 100 = 0 THEN b.region_id / 100 = p.region_id / 100
                          ELSE b.region_id = p.region_id
                      END
                      AND (
                          NOT EXISTS (
                              SELECT 1 FROM batch_scope s
                              WHERE s.city_code = p_city AND s.batch_id = p_batch AND s.kind IN ('project', 'occupation')
                          )
                          OR EXISTS (
                              SELECT 1 FROM batch_scope s
                              WHERE s.city_code = p_city AND s.batch_id = p_batch AND s.kind = 'occupation'
                                AND s.occupation_id = p.occupation_id AND (s.level IS NULL OR s.level = p.level)
                          )
                      )
                  )
              )
              AND (
                  NOT EXISTS (
                      SELECT 1 FROM batch_scope s
                      WHERE s.city_code = p_city AND s.batch_id = p_batch AND s.kind IN ('provider', 'grade')
                  )
                  OR EXISTS (
                      SELECT 1 FROM batch_scope s
                      WHERE s.city_code = p_city AND s.batch_id = p_batch
                        AND (s.kind = 'provider' AND s.provider_id = o.id OR s.kind = 'grade' AND s.grade = o.grade)
                  )
              )
        )
    END
    FROM voucher_batch b WHERE b.city_code = p_city AND b.id = p_batch
$$;

-- Whether a batch's vouchers can be used with an organisation at all.
CREATE OR REPLACE FUNCTION batch_covers_provider(p_city int, p_batch bigint, p_provider bigint) RETURNS boolean
LANGUAGE sql STABLE STRICT AS $$
    SELECT EXISTS (
        SELECT 1 FROM project p
        WHERE p.city_code = p_city AND p.provider_id = p_provider AND batch_covers(p_city, p_batch, p.id)
    )
$$;
