-- One half hour of the day before, as it was settled: was it dearer (UP) or not (DOWN) than the mean of the day before it?
SELECT
  nullif(region, '') AS region,
  nullif(half_hour, '') AS half_hour,
  nullif(against_day_before, '') AS against_day_before,
  -- NULL for an unknown word: the rule on against_day_before names it, and no guess is made here.
  CASE against_day_before WHEN 'UP' THEN true WHEN 'DOWN' THEN false END AS is_dearer,
  nullif(settled_on, '') AS settled_on,
  partition_key AS delivered_on
FROM raw_settlements
