-- Which clusters a step would make one, and what shows it.
CREATE OR REPLACE TABLE pair (a BIGINT, b BIGINT, evidence BIGINT);
