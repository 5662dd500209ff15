-- One reading as the gateway sent it. seconds_to_end places it in its hour: 3600 at the hour's first instant, 300 for the
-- last reading of a feed that is on time, 0 or less for a reading of a later hour.
SELECT
  nullif(machine, '') AS machine,
  nullif(read_at, '') AS read_at,
  nullif(temperature, '') AS temperature,
  date_diff(
    'second',
    TRY_CAST(read_at AS TIMESTAMP),
    strptime(partition_key, '%Y-%m-%d-%H:%M') + INTERVAL 1 HOUR
  ) AS seconds_to_end
FROM raw_readings
