-- One row per discharge that can be readmitted (the others are a declared drop), with what was known at discharge.
-- Never a label: outcomes live in readmission_outcomes, and a model joins the two by encounter and time.
SELECT
    encounters.row_id AS source_row_id,
    encounters.encounter_id AS encounter_id,
    encounters.patient_nbr AS patient_nbr,
    encounters.discharged_on AS discharged_on,
    encounters.age_band_order AS age_band_order,
    encounters.gender AS gender,
    encounters.race AS race,
    encounters.admission_type_id AS admission_type_id,
    encounters.discharge_disposition_id AS discharge_disposition_id,
    encounters.admission_source_id AS admission_source_id,
    encounters.medical_specialty AS medical_specialty,
    encounters.payer_code AS payer_code,
    encounters.time_in_hospital AS time_in_hospital,
    encounters.num_lab_procedures AS num_lab_procedures,
    encounters.num_procedures AS num_procedures,
    encounters.num_medications AS num_medications,
    encounters.number_outpatient AS number_outpatient,
    encounters.number_emergency AS number_emergency,
    encounters.number_inpatient AS number_inpatient,
    encounters.number_outpatient + encounters.number_emergency + encounters.number_inpatient AS prior_year_visits,
    encounters.number_diagnoses AS number_diagnoses,
    encounters.diag_1_chapter AS diag_1_chapter,
    -- 250.x is diabetes mellitus itself as the reason of the stay, not as a companion of another one.
    coalesce(split_part(encounters.diag_1, '.', 1) = '250', false) AS diabetes_is_primary,
    encounters.a1c_result AS a1c_result,
    encounters.max_glu_serum AS max_glu_serum,
    encounters.insulin AS insulin,
    encounters.insulin IN ('up', 'down') AS insulin_changed,
    -- Of the 23 diabetes medicines: how many were given at all, and of how many the dose went up or down.
    CAST(encounters.metformin <> 'no' AS INTEGER)
      + CAST(encounters.repaglinide <> 'no' AS INTEGER)
      + CAST(encounters.nateglinide <> 'no' AS INTEGER)
      + CAST(encounters.chlorpropamide <> 'no' AS INTEGER)
      + CAST(encounters.glimepiride <> 'no' AS INTEGER)
      + CAST(encounters.acetohexamide <> 'no' AS INTEGER)
      + CAST(encounters.glipizide <> 'no' AS INTEGER)
      + CAST(encounters.glyburide <> 'no' AS INTEGER)
      + CAST(encounters.tolbutamide <> 'no' AS INTEGER)
      + CAST(encounters.pioglitazone <> 'no' AS INTEGER)
      + CAST(encounters.rosiglitazone <> 'no' AS INTEGER)
      + CAST(encounters.acarbose <> 'no' AS INTEGER)
      + CAST(encounters.miglitol <> 'no' AS INTEGER)
      + CAST(encounters.troglitazone <> 'no' AS INTEGER)
      + CAST(encounters.tolazamide <> 'no' AS INTEGER)
      + CAST(encounters.examide <> 'no' AS INTEGER)
      + CAST(encounters.citoglipton <> 'no' AS INTEGER)
      + CAST(encounters.insulin <> 'no' AS INTEGER)
      + CAST(encounters.glyburide_metformin <> 'no' AS INTEGER)
      + CAST(encounters.glipizide_metformin <> 'no' AS INTEGER)
      + CAST(encounters.glimepiride_pioglitazone <> 'no' AS INTEGER)
      + CAST(encounters.metformin_rosiglitazone <> 'no' AS INTEGER)
      + CAST(encounters.metformin_pioglitazone <> 'no' AS INTEGER) AS diabetes_meds_taken,
    CAST(encounters.metformin IN ('up', 'down') AS INTEGER)
      + CAST(encounters.repaglinide IN ('up', 'down') AS INTEGER)
      + CAST(encounters.nateglinide IN ('up', 'down') AS INTEGER)
      + CAST(encounters.chlorpropamide IN ('up', 'down') AS INTEGER)
      + CAST(encounters.glimepiride IN ('up', 'down') AS INTEGER)
      + CAST(encounters.acetohexamide IN ('up', 'down') AS INTEGER)
      + CAST(encounters.glipizide IN ('up', 'down') AS INTEGER)
      + CAST(encounters.glyburide IN ('up', 'down') AS INTEGER)
      + CAST(encounters.tolbutamide IN ('up', 'down') AS INTEGER)
      + CAST(encounters.pioglitazone IN ('up', 'down') AS INTEGER)
      + CAST(encounters.rosiglitazone IN ('up', 'down') AS INTEGER)
      + CAST(encounters.acarbose IN ('up', 'down') AS INTEGER)
      + CAST(encounters.miglitol IN ('up', 'down') AS INTEGER)
      + CAST(encounters.troglitazone IN ('up', 'down') AS INTEGER)
      + CAST(encounters.tolazamide IN ('up', 'down') AS INTEGER)
      + CAST(encounters.examide IN ('up', 'down') AS INTEGER)
      + CAST(encounters.citoglipton IN ('up', 'down') AS INTEGER)
      + CAST(encounters.insulin IN ('up', 'down') AS INTEGER)
      + CAST(encounters.glyburide_metformin IN ('up', 'down') AS INTEGER)
      + CAST(encounters.glipizide_metformin IN ('up', 'down') AS INTEGER)
      + CAST(encounters.glimepiride_pioglitazone IN ('up', 'down') AS INTEGER)
      + CAST(encounters.metformin_rosiglitazone IN ('up', 'down') AS INTEGER)
      + CAST(encounters.metformin_pioglitazone IN ('up', 'down') AS INTEGER) AS diabetes_meds_changed,
    encounters.medication_changed AS medication_changed,
    encounters.on_diabetes_medication AS on_diabetes_medication
FROM encounters
