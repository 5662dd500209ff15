-- One row per discharge that can be readmitted: how likely the champion thought a return within 30 days.
SELECT
    readmission_features.row_id AS source_row_id,
    readmission_features.encounter_id AS encounter_id,
    readmission_features.discharged_on AS discharged_on,
    readmission_features.score AS score,
    readmission_features.prediction AS prediction,
    readmission_features.model_version AS model_version,
    readmission_features.input_version AS input_version
FROM readmission_features
