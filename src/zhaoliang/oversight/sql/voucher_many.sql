-- How many vouchers are asked for, counted to one more than a page reads as they stand.
SELECT count(*) FROM (
    SELECT 1
    FROM voucher_batch b JOIN voucher v ON v.city_code = b.city_code AND v.batch_id = b.id
    WHERE b.city_code = %(city)s AND v.city_code = %(city)s AND b.region_id BETWEEN %(low)s AND %(high)s
      AND (%(batch)s::bigint IS NULL OR b.id = %(batch)s) AND (%(fund)s = '' OR b.fund_source = %(fund)s)
    LIMIT %(most)s + 1
) counted
