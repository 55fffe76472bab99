-- What was laid out for this step only.
DROP TABLE same;
