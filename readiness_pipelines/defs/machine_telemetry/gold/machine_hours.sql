-- One row per machine that was heard in the hour; twelve readings make an hour.
SELECT
  machine,
  strptime(getvariable('partition_key'), '%Y-%m-%d-%H:%M') AS hour,
  count(*) AS readings,
  count(*) / 12 AS completeness,
  avg(temperature) AS mean_temperature,
  min(temperature) AS lowest_temperature,
  max(temperature) AS highest_temperature
FROM readings
GROUP BY machine
