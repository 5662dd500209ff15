-- One row per half hour that was scored and is settled now: what was thought of it beside what came.
SELECT
  price_predictions.row_id AS source_row_id,
  price_predictions.region AS region,
  price_predictions.half_hour AS half_hour,
  price_predictions.score AS score,
  price_predictions.prediction AS prediction,
  price_predictions.model_version AS model_version,
  price_outcomes.is_dearer AS is_dearer,
  price_outcomes.settled_on AS settled_on
FROM price_outcomes
INNER JOIN price_predictions
  ON price_outcomes.region = price_predictions.region AND price_outcomes.half_hour = price_predictions.half_hour
