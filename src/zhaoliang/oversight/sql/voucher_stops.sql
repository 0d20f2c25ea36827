-- Of the refused lines one decision for each first rule that says no: what the rule says is read from it.
SELECT stage, reason, CASE WHEN reason = 'refused' THEN min(decision_id) END AS decision_id, count(*)
FROM told
WHERE stage <> ''
GROUP BY stage, reason, CASE WHEN reason = 'refused' THEN (basis_id, place, policy_version) END
