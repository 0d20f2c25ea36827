-- The ledger's only writers. They run with the rights of the tables' owner, because the role of the running system may
-- read accounts and transfers but not write them: a balance changes here, with its transfer, or not at all.

-- Opens an account with balance 0, or returns the id of the one that has this code.
CREATE OR REPLACE FUNCTION ledger_account(
    p_city int, p_code text, p_name text, p_kind text, p_fund_source text, p_year int, p_region int
) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_id bigint;
BEGIN
    INSERT INTO account (city_code, code, name, kind, fund_source, year, region_code, balance_fen)
    VALUES (p_city, p_code, p_name, p_kind, p_fund_source, p_year, p_region, 0)
    ON CONFLICT (city_code, code) DO NOTHING
    RETURNING id INTO v_id;
    IF v_id IS NULL THEN
        SELECT id INTO v_id FROM account
        WHERE city_code = p_city AND code = p_code AND kind = p_kind AND fund_source = p_fund_source
          AND year = p_year AND region_code = p_region;
        IF v_id IS NULL THEN
            RAISE EXCEPTION 'account code % is taken by another account', p_code USING ERRCODE = 'ZL003';
        END IF;
    END IF;
    RETURN v_id;
END $$;

-- Whether the books know this movement between two kinds of accounts; `reverse` mirrors another transfer instead.
CREATE OR REPLACE FUNCTION ledger_way(p_kind text, p_debit text, p_credit text) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
    SELECT p_kind || ' ' || p_debit || ' ' || p_credit IN (
        'allocate appropriation budget', 'allocate budget budget', 'allocate budget clearing', 'allocate clearing budget',
        'reserve budget reserved', 'release reserved budget',
        'accrue reserved payable', 'accrue budget payable',
        'pay payable disbursed',
        'amend payable reserved', 'amend payable budget',
        'recover disbursed receivable', 'amend receivable disbursed',
        'collect receivable recovered',
        'restore recovered budget', 'restore recovered appropriation',
        'write_off receivable written_off',
        'return budget appropriation'
    )
$$;

-- Moves p_amount fen from debit to credit inside one city and returns the transfer's id.
-- ZL001: the debited account has not enough (DETAIL: JSON with account, balance_fen, amount_fen).
-- ZL002: a movement that the books do not know (DETAIL: what). ZL004: dated in a closed period (DETAIL: its last day).
CREATE OR REPLACE FUNCTION ledger_post(
    p_city int, p_kind text, p_debit bigint, p_credit bigint, p_amount bigint, p_at timestamptz,
    p_subject_type text, p_subject_id bigint, p_memo text, p_reverses bigint
) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_debit account%ROWTYPE;
    v_credit account%ROWTYPE;
    v_undone transfer%ROWTYPE;
    v_closed date;
    v_id bigint;
BEGIN
    -- Whoever closes the books takes this lock alone: no posting of that time is still under way when they are closed.
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('books', p_city));
    SELECT max(through) INTO v_closed FROM book_closing WHERE city_code = p_city AND step = 'closed';
    IF v_closed >= (p_at AT TIME ZONE 'Asia/Shanghai')::date THEN
        RAISE EXCEPTION 'the books are closed through %', v_closed USING ERRCODE = 'ZL004', DETAIL = v_closed::text;
    END IF;
    IF p_amount IS NULL OR p_amount <= 0 THEN
        RAISE EXCEPTION 'amount not positive' USING ERRCODE = 'ZL002', DETAIL = '金额必须大于零';
    END IF;
    -- In id order, so that two transfers over the same two accounts cannot wait for each other.
    PERFORM 1 FROM account WHERE city_code = p_city AND id IN (p_debit, p_credit) ORDER BY id FOR NO KEY UPDATE;
    SELECT * INTO v_debit FROM account WHERE city_code = p_city AND id = p_debit;
    SELECT * INTO v_credit FROM account WHERE city_code = p_city AND id = p_credit;
    IF v_debit.id IS NULL OR v_credit.id IS NULL OR p_debit = p_credit THEN
        RAISE EXCEPTION 'not two accounts of city %', p_city
            USING ERRCODE = 'ZL002', DETAIL = '付出和收入必须是同一城市的两个账户';
    END IF;
    -- 专款专用: money never changes its fund source on the way.
    IF v_debit.fund_source <> v_credit.fund_source THEN
        RAISE EXCEPTION 'two fund sources' USING ERRCODE = 'ZL002', DETAIL = '两个账户的资金渠道不同，资金不能混用';
    END IF;
    IF p_kind = 'reverse' THEN
        SELECT * INTO v_undone FROM transfer WHERE city_code = p_city AND id = p_reverses;
        IF v_undone.id IS NULL OR (v_undone.debit_id, v_undone.credit_id, v_undone.amount_fen)
                                  IS DISTINCT FROM (p_credit, p_debit, p_amount) THEN
            RAISE EXCEPTION 'not the mirror of transfer %', p_reverses
                USING ERRCODE = 'ZL002', DETAIL = '冲正必须与原分录账户相反、金额相同';
        END IF;
    ELSIF p_reverses IS NOT NULL OR NOT ledger_way(p_kind, v_debit.kind, v_credit.kind) THEN
        RAISE EXCEPTION '% from % to %', p_kind, v_debit.kind, v_credit.kind
            USING ERRCODE = 'ZL002', DETAIL = '账户种类之间没有这种资金走向';
    END IF;
    IF v_debit.balance_fen < p_amount AND v_debit.kind NOT IN ('appropriation', 'clearing') THEN
        RAISE EXCEPTION 'account % has % fen of %', p_debit, v_debit.balance_fen, p_amount
            USING ERRCODE = 'ZL001', DETAIL = json_build_object(
                'account', v_debit.name, 'balance_fen', v_debit.balance_fen, 'amount_fen', p_amount)::text;
    END IF;
    UPDATE account SET balance_fen = balance_fen - p_amount WHERE city_code = p_city AND id = p_debit;
    UPDATE account SET balance_fen = balance_fen + p_amount WHERE city_code = p_city AND id = p_credit;
    -- The id is drawn under both locks, so the transfers of an account stand in the order of their ids.
    INSERT INTO transfer (city_code, kind, debit_id, credit_id, amount_fen, at, subject_type, subject_id, memo,
                          reverses_id, debit_after_fen, credit_after_fen)
    VALUES (p_city, p_kind, p_debit, p_credit, p_amount, p_at, p_subject_type, p_subject_id, p_memo,
            p_reverses, v_debit.balance_fen - p_amount, v_credit.balance_fen + p_amount)
    RETURNING id INTO v_id;
    RETURN v_id;
END $$;

-- Many transfers of one city in the order of the arrays, all or none; the same rules, for files of 100,000 lines.
-- Running sums an account say every balance on the way. Where any transfer would be refused, they are posted one by one
-- instead: ledger_post alone knows the refusals, and the first one ends the transaction with its own words.
CREATE OR REPLACE FUNCTION ledger_post_many(
    p_city int, p_kinds text[], p_debits bigint[], p_credits bigint[], p_amounts bigint[], p_at timestamptz,
    p_subject_types text[], p_subject_ids bigint[], p_memos text[]
) RETURNS SETOF bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_debits_after bigint[];
    v_credits_after bigint[];
    v_fine boolean;
BEGIN
    -- Before the accounts, as ledger_post takes it: who closes the books never waits for somebody who waits for him.
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('books', p_city));
    -- All accounts first and in id order, so that two such postings cannot wait for each other.
    PERFORM 1 FROM account WHERE city_code = p_city AND id = ANY(p_debits || p_credits) ORDER BY id FOR NO KEY UPDATE;
    WITH entry AS (
        SELECT * FROM unnest(p_kinds, p_debits, p_credits, p_amounts) WITH ORDINALITY AS e(kind, debit, credit, fen, n)
    ), leg AS (
        SELECT n, debit AS id, -fen AS change_fen, TRUE AS pays FROM entry
        UNION ALL
        SELECT n, credit, fen, FALSE FROM entry
    ), stood AS (
        SELECT leg.n, leg.pays, account.kind, account.fund_source,
               account.balance_fen + sum(leg.change_fen) OVER (PARTITION BY leg.id ORDER BY leg.n) AS after_fen
        FROM leg LEFT JOIN account ON account.city_code = p_city AND account.id = leg.id
    )
    SELECT array_agg(source.after_fen ORDER BY entry.n), array_agg(target.after_fen ORDER BY entry.n),
           bool_and(coalesce(
               entry.fen > 0 AND entry.debit <> entry.credit AND source.fund_source = target.fund_source
               AND ledger_way(entry.kind, source.kind, target.kind)
               AND (source.after_fen >= 0 OR source.kind IN ('appropriation', 'clearing')), FALSE))
    INTO v_debits_after, v_credits_after, v_fine
    FROM entry
    JOIN stood AS source ON source.n = entry.n AND source.pays
    JOIN stood AS target ON target.n = entry.n AND NOT target.pays;
    IF v_fine AND NOT EXISTS (
        SELECT FROM book_closing WHERE city_code = p_city AND step = 'closed'
                                   AND through >= (p_at AT TIME ZONE 'Asia/Shanghai')::date
    ) THEN
        UPDATE account SET balance_fen = balance_fen + moved.fen
        FROM (SELECT leg.id, sum(leg.fen) AS fen
              FROM (SELECT id, -fen FROM unnest(p_debits, p_amounts) AS paid(id, fen)
                    UNION ALL SELECT id, fen FROM unnest(p_credits, p_amounts) AS got(id, fen)) AS leg(id, fen)
              GROUP BY leg.id) AS moved
        WHERE account.city_code = p_city AND account.id = moved.id;
        -- Sorted before the ids are drawn, so the transfers of an account stand in the order of their ids.
        RETURN QUERY
        INSERT INTO transfer (city_code, kind, debit_id, credit_id, amount_fen, at, subject_type, subject_id, memo,
                              debit_after_fen, credit_after_fen)
        SELECT p_city, e.kind, e.debit, e.credit, e.fen, p_at, e.subject_type, e.subject_id, e.memo, e.paid, e.got
        FROM unnest(p_kinds, p_debits, p_credits, p_amounts, p_subject_types, p_subject_ids, p_memos,
                    v_debits_after, v_credits_after)
             WITH ORDINALITY AS e(kind, debit, credit, fen, subject_type, subject_id, memo, paid, got, n)
        ORDER BY e.n
        RETURNING id;
        RETURN;
    END IF;
    FOR i IN 1 .. cardinality(p_kinds) LOOP
        RETURN NEXT ledger_post(p_city, p_kinds[i], p_debits[i], p_credits[i], p_amounts[i], p_at,
                                p_subject_types[i], p_subject_ids[i], p_memos[i], NULL);
    END LOOP;
END $$;
