-- One row per half hour that was settled on this day: the label, apart from the features on purpose.
SELECT
  settlements.row_id AS source_row_id,
  settlements.region AS region,
  settlements.half_hour AS half_hour,
  settlements.is_dearer AS is_dearer,
  settlements.settled_on AS settled_on
FROM settlements
