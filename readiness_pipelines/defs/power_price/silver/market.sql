-- One half hour of one region as the operator sent it. seconds_into_half_hour is 0 where the half hour begins when it says;
-- traded_on is its day, to be compared with the day whose file it came in.
SELECT
  nullif(region, '') AS region,
  nullif(half_hour, '') AS half_hour,
  nullif(demand, '') AS demand,
  nullif(price, '') AS price,
  nullif(scheduled_import, '') AS scheduled_import,
  CAST(make_timestamp(epoch_us(TRY_CAST(half_hour AS TIMESTAMP WITH TIME ZONE))) AS DATE) AS traded_on,
  CAST(epoch_us(TRY_CAST(half_hour AS TIMESTAMP WITH TIME ZONE)) % 1800000000 // 1000000 AS BIGINT) AS seconds_into_half_hour,
  partition_key AS delivered_on
FROM raw_market
