-- One track per (source, source_id), numbered in that order. A record that came in twice is told once here;
-- every copy of it stays in `staged`, which becomes sources.parquet.
CREATE TABLE track AS
SELECT row_number() OVER (ORDER BY source, source_id) AS t, * EXCLUDE (raw)
FROM (
    SELECT * FROM staged
    QUALIFY row_number() OVER (PARTITION BY source, source_id ORDER BY accession, raw) = 1
);

-- Which cluster a track is in: named by its smallest track. Each begins alone.
CREATE TABLE member AS SELECT t, t AS cluster FROM track;

-- What looked the same and was not merged, or was merged in spite of something.
CREATE TABLE doubt (kind TEXT, evidence TEXT, a BIGINT, b BIGINT, merged BOOLEAN);
