-- One row per encounter whose outcome became known on this day: the label, apart from the features on purpose.
SELECT
    outcomes.row_id AS source_row_id,
    outcomes.encounter_id AS encounter_id,
    outcomes.readmitted AS readmitted,
    outcomes.readmitted_within_30d AS readmitted_within_30d,
    outcomes.known_on AS known_on
FROM outcomes
