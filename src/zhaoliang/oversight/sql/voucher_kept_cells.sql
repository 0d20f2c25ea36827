-- The cells of a count that are asked for: the beginning of voucher_kept and of the reasons. Quotas are of no day and no provider.
WITH cells AS (
    SELECT c.*, b.name AS batch_name, b.region_id, b.fund_source
    FROM funnel_cell c JOIN voucher_batch b ON b.city_code = c.city_code AND b.id = c.batch_id
    WHERE c.city_code = %(city)s AND b.city_code = %(city)s AND c.count_id = %(count)s AND b.region_id BETWEEN %(low)s AND %(high)s
      AND (%(batch)s::bigint IS NULL OR c.batch_id = %(batch)s) AND (%(fund)s = '' OR b.fund_source = %(fund)s)
      AND (%(provider)s::bigint IS NULL OR c.provider_id = %(provider)s)
      AND (c.stage = 'issued' OR (
          (%(since)s::timestamptz IS NULL OR c.claimed_on >= (%(since)s AT TIME ZONE 'Asia/Shanghai')::date)
          AND (%(until)s::timestamptz IS NULL OR c.claimed_on < (%(until)s AT TIME ZONE 'Asia/Shanghai')::date)
      ))
)
