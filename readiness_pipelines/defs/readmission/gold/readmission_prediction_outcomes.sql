-- One row per stay that was scored and whose outcome became known on this day: what was thought of it beside what came.
-- An encounter that was delivered again on another day was scored on both: its newest score counts.
WITH newest AS (
    SELECT readmission_predictions.*
    FROM readmission_predictions
    QUALIFY
        row_number() OVER (
            PARTITION BY readmission_predictions.encounter_id ORDER BY readmission_predictions.partition_key DESC
        ) = 1
)

SELECT
    newest.row_id AS source_row_id,
    newest.encounter_id AS encounter_id,
    readmission_features.race AS race,
    readmission_features.gender AS gender,
    newest.score AS score,
    newest.prediction AS prediction,
    newest.model_version AS model_version,
    readmission_outcomes.readmitted_within_30d AS readmitted_within_30d,
    readmission_outcomes.known_on AS known_on
FROM readmission_outcomes
INNER JOIN newest ON readmission_outcomes.encounter_id = newest.encounter_id
LEFT JOIN readmission_features
    ON newest.encounter_id = readmission_features.encounter_id AND newest.partition_key = readmission_features.partition_key
