-- Each node under its smallest neighbour, where that is smaller than itself: a forest.
CREATE OR REPLACE TABLE parent AS SELECT b AS node, min(a) AS parent FROM pair GROUP BY b;
