-- The KPI: readings admitted this hour, of twelve for each machine that was heard within the last 24 hours.
SELECT
  strptime(getvariable('partition_key'), '%Y-%m-%d-%H:%M') AS hour,
  (SELECT count(*) FROM readings) AS readings,
  12 * count(DISTINCT machine) AS readings_expected,
  (SELECT count(*) FROM readings) / (12 * count(DISTINCT machine)) AS completeness
FROM machine_hours
