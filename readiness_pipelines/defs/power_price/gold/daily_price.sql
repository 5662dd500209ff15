-- The KPI: what a MWh cost on this day, each half hour by what was used in it; MW over half an hour are half as many MWh.
SELECT
  CAST(getvariable('partition_key') AS DATE) AS traded_on,
  count(*) AS half_hours,
  sum(market.demand) / 2 AS energy,
  sum(market.demand * market.price) / sum(market.demand) AS mean_price
FROM market
