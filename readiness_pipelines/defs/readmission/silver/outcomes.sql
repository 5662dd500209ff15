-- One row per delivered outcome of one encounter.
SELECT
    nullif(nullif(encounter_id, '?'), '') AS encounter_id,
    nullif(nullif(readmitted, '?'), '') AS readmitted,
    -- NULL for an unknown word: the rule on `readmitted` names it, and no guess is made here.
    CASE readmitted WHEN '<30' THEN true WHEN '>30' THEN false WHEN 'NO' THEN false END AS readmitted_within_30d,
    nullif(nullif(known_on, '?'), '') AS known_on,
    partition_key AS delivered_on
FROM raw_outcomes
