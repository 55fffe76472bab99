-- What was laid out for this step only.
DROP TABLE titled;
DROP TABLE shared;
DROP TABLE run;
DROP TABLE ambiguous;
DROP TABLE told_apart;
DROP TABLE same;
