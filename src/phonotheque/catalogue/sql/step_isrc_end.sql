-- What was laid out for this step only.
DROP TABLE coded;
DROP TABLE shared;
DROP TABLE same;
