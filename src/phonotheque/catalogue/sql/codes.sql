-- Every ISRC on every fact.
CREATE OR REPLACE TABLE code AS
SELECT fact, isrc_code(isrc) AS isrc FROM (SELECT fact, unnest(isrcs) AS isrc FROM fact);
