-- One reading as the gateway sent it. seconds_to_end places its instant in its hour, whichever offset it is written with:
-- 3600 at the hour's first instant, 300 for the last reading of a feed that is on time, 0 or less for a later hour's.
SELECT
  nullif(machine, '') AS machine,
  nullif(read_at, '') AS read_at,
  nullif(temperature, '') AS temperature,
  CAST(
    ceil(
      epoch(strptime(partition_key, '%Y-%m-%d-%H:%M') + INTERVAL 1 HOUR)
      - epoch(TRY_CAST(read_at AS TIMESTAMP WITH TIME ZONE))
    ) AS BIGINT
  ) AS seconds_to_end,
  nullif(machine, '') || ' ' || CAST(epoch_us(TRY_CAST(read_at AS TIMESTAMP WITH TIME ZONE)) AS VARCHAR) AS reading
FROM raw_readings
