-- One row per delivered encounter: missing markers become NULL, names and categories become plain, numbers and dates
-- stay text here and are cast strictly to the contract's types by the engine (a value that does not cast is a reason,
-- never a NULL). An unknown category passes through unchanged, so that a rule can name it.
SELECT
    nullif(nullif(encounter_id, '?'), '') AS encounter_id,
    nullif(nullif(patient_nbr, '?'), '') AS patient_nbr,
    nullif(nullif(discharged_on, '?'), '') AS discharged_on,
    partition_key AS delivered_on,
    nullif(nullif(race, '?'), '') AS race,
    -- 'Unknown/Invalid' says that nobody knows: it is missing, not a third gender.
    CASE WHEN gender NOT IN ('?', '', 'Unknown/Invalid') THEN lower(gender) END AS gender,
    nullif(nullif(age, '?'), '') AS age_band,
    CASE age
        WHEN '[0-10)' THEN 0
        WHEN '[10-20)' THEN 1
        WHEN '[20-30)' THEN 2
        WHEN '[30-40)' THEN 3
        WHEN '[40-50)' THEN 4
        WHEN '[50-60)' THEN 5
        WHEN '[60-70)' THEN 6
        WHEN '[70-80)' THEN 7
        WHEN '[80-90)' THEN 8
        WHEN '[90-100)' THEN 9
    END AS age_band_order,
    nullif(nullif(weight, '?'), '') AS weight_band,
    nullif(nullif(admission_type_id, '?'), '') AS admission_type_id,
    nullif(nullif(discharge_disposition_id, '?'), '') AS discharge_disposition_id,
    nullif(nullif(admission_source_id, '?'), '') AS admission_source_id,
    nullif(nullif(time_in_hospital, '?'), '') AS time_in_hospital,
    nullif(nullif(payer_code, '?'), '') AS payer_code,
    nullif(nullif(medical_specialty, '?'), '') AS medical_specialty,
    nullif(nullif(num_lab_procedures, '?'), '') AS num_lab_procedures,
    nullif(nullif(num_procedures, '?'), '') AS num_procedures,
    nullif(nullif(num_medications, '?'), '') AS num_medications,
    nullif(nullif(number_outpatient, '?'), '') AS number_outpatient,
    nullif(nullif(number_emergency, '?'), '') AS number_emergency,
    nullif(nullif(number_inpatient, '?'), '') AS number_inpatient,
    nullif(nullif(diag_1, '?'), '') AS diag_1,
    nullif(nullif(diag_2, '?'), '') AS diag_2,
    nullif(nullif(diag_3, '?'), '') AS diag_3,
    -- ICD-9 chapters by the three-digit category. The source drops leading zeros ('8' is 008), so compare numbers.
    CASE
        WHEN diag_1 LIKE 'V%' THEN 'supplementary'
        WHEN diag_1 LIKE 'E%' THEN 'external_cause'
        WHEN TRY_CAST(split_part(diag_1, '.', 1) AS INTEGER) NOT BETWEEN 1 AND 999 THEN NULL
        WHEN TRY_CAST(split_part(diag_1, '.', 1) AS INTEGER) <= 139 THEN 'infectious'
        WHEN TRY_CAST(split_part(diag_1, '.', 1) AS INTEGER) <= 239 THEN 'neoplasm'
        WHEN TRY_CAST(split_part(diag_1, '.', 1) AS INTEGER) <= 279 THEN 'endocrine_metabolic'
        WHEN TRY_CAST(split_part(diag_1, '.', 1) AS INTEGER) <= 289 THEN 'blood'
        WHEN TRY_CAST(split_part(diag_1, '.', 1) AS INTEGER) <= 319 THEN 'mental'
        WHEN TRY_CAST(split_part(diag_1, '.', 1) AS INTEGER) <= 389 THEN 'nervous_sensory'
        WHEN TRY_CAST(split_part(diag_1, '.', 1) AS INTEGER) <= 459 THEN 'circulatory'
        WHEN TRY_CAST(split_part(diag_1, '.', 1) AS INTEGER) <= 519 THEN 'respiratory'
        WHEN TRY_CAST(split_part(diag_1, '.', 1) AS INTEGER) <= 579 THEN 'digestive'
        WHEN TRY_CAST(split_part(diag_1, '.', 1) AS INTEGER) <= 629 THEN 'genitourinary'
        WHEN TRY_CAST(split_part(diag_1, '.', 1) AS INTEGER) <= 679 THEN 'pregnancy'
        WHEN TRY_CAST(split_part(diag_1, '.', 1) AS INTEGER) <= 709 THEN 'skin'
        WHEN TRY_CAST(split_part(diag_1, '.', 1) AS INTEGER) <= 739 THEN 'musculoskeletal'
        WHEN TRY_CAST(split_part(diag_1, '.', 1) AS INTEGER) <= 759 THEN 'congenital'
        WHEN TRY_CAST(split_part(diag_1, '.', 1) AS INTEGER) <= 779 THEN 'perinatal'
        WHEN TRY_CAST(split_part(diag_1, '.', 1) AS INTEGER) <= 799 THEN 'symptoms'
        WHEN TRY_CAST(split_part(diag_1, '.', 1) AS INTEGER) <= 999 THEN 'injury_poisoning'
    END AS diag_1_chapter,
    nullif(nullif(number_diagnoses, '?'), '') AS number_diagnoses,
    -- 'None' is a value here: the test was not made. It must not become NULL.
    lower(nullif(nullif(max_glu_serum, '?'), '')) AS max_glu_serum,
    lower(nullif(nullif("A1Cresult", '?'), '')) AS a1c_result,
    lower(metformin) AS metformin,
    lower(repaglinide) AS repaglinide,
    lower(nateglinide) AS nateglinide,
    lower(chlorpropamide) AS chlorpropamide,
    lower(glimepiride) AS glimepiride,
    lower(acetohexamide) AS acetohexamide,
    lower(glipizide) AS glipizide,
    lower(glyburide) AS glyburide,
    lower(tolbutamide) AS tolbutamide,
    lower(pioglitazone) AS pioglitazone,
    lower(rosiglitazone) AS rosiglitazone,
    lower(acarbose) AS acarbose,
    lower(miglitol) AS miglitol,
    lower(troglitazone) AS troglitazone,
    lower(tolazamide) AS tolazamide,
    lower(examide) AS examide,
    lower(citoglipton) AS citoglipton,
    lower(insulin) AS insulin,
    lower("glyburide-metformin") AS glyburide_metformin,
    lower("glipizide-metformin") AS glipizide_metformin,
    lower("glimepiride-pioglitazone") AS glimepiride_pioglitazone,
    lower("metformin-rosiglitazone") AS metformin_rosiglitazone,
    lower("metformin-pioglitazone") AS metformin_pioglitazone,
    -- Anything but the two known words stays text and fails the cast to boolean, by name.
    CASE change WHEN 'Ch' THEN 'true' WHEN 'No' THEN 'false' ELSE nullif(nullif(change, '?'), '') END AS medication_changed,
    CASE "diabetesMed" WHEN 'Yes' THEN 'true' WHEN 'No' THEN 'false' ELSE nullif(nullif("diabetesMed", '?'), '') END
        AS on_diabetes_medication
FROM raw_encounters
