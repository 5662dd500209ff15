-- One row per region and half hour: how likely the champion thought it that the price would be above the mean of the day before.
SELECT
  price_features.row_id AS source_row_id,
  price_features.region AS region,
  price_features.half_hour AS half_hour,
  price_features.score AS score,
  price_features.prediction AS prediction,
  price_features.model_version AS model_version,
  price_features.input_version AS input_version
FROM price_features
