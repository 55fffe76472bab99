-- Every cluster that may change, and what it becomes: itself, so far.
CREATE OR REPLACE TABLE become AS
SELECT node, node AS root FROM (SELECT a AS node FROM pair UNION SELECT b FROM pair);
