-- One row per day: the KPI over the outcomes that became known on it. A day whose outcomes table has no row still has
-- its row here, with zero counts and no rate, so that an empty day is seen and not mistaken for an absent one.
WITH discharges AS (
    -- DISTINCT: an encounter delivered again on another day of the window must not count its outcome twice.
    SELECT DISTINCT readmission_features.encounter_id AS encounter_id
    FROM readmission_features
),

known AS (
    SELECT
        count(*) AS outcomes_known,
        count(discharges.encounter_id) AS outcomes_matched,
        count(*) FILTER (WHERE discharges.encounter_id IS NOT NULL AND readmission_outcomes.readmitted_within_30d) AS readmitted_30d
    FROM readmission_outcomes
    LEFT JOIN discharges ON readmission_outcomes.encounter_id = discharges.encounter_id
)

SELECT
    CAST(getvariable('partition_key') AS DATE) AS known_on,
    known.outcomes_known AS outcomes_known,
    known.outcomes_matched AS outcomes_matched,
    known.outcomes_known - known.outcomes_matched AS outcomes_unmatched,
    known.readmitted_30d AS readmitted_30d,
    -- No matched outcome, no rate: NULL, because 0 would read as a perfect day.
    CAST(known.readmitted_30d AS DOUBLE) / nullif(known.outcomes_matched, 0) AS readmission_rate
FROM known
