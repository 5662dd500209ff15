-- One row per region and half hour of this day, with what was known when the half hour began: the past, and what is scheduled.
-- Neighbours are found by time and not by row, so that a half hour that is in quarantine leaves a null and moves no other.
WITH half_hours AS (
  SELECT market.*, epoch_us(market.half_hour) // 1000000 AS begins
  FROM market
),

day_before AS (
  SELECT half_hours.region AS region, avg(half_hours.price) AS mean_price
  FROM half_hours
  WHERE half_hours.partition_key < getvariable('partition_key')
  GROUP BY half_hours.region
)

SELECT
  this.row_id AS source_row_id,
  this.region AS region,
  this.half_hour AS half_hour,
  this.begins % 86400 // 1800 AS slot,
  isodow(this.traded_on) AS weekday,
  this.scheduled_import AS scheduled_import,
  before.price AS price_before,
  before.price - day_before.mean_price AS price_above,
  yesterday.price - day_before.mean_price AS price_above_day_before,
  day_before.mean_price AS mean_price_day_before,
  before.demand AS demand_before,
  before.demand - yesterday.demand AS demand_change
FROM half_hours AS this
LEFT JOIN half_hours AS before ON this.region = before.region AND this.begins - 1800 = before.begins
LEFT JOIN half_hours AS yesterday ON this.region = yesterday.region AND this.begins - 86400 = yesterday.begins
LEFT JOIN day_before ON this.region = day_before.region
WHERE this.partition_key = getvariable('partition_key')
