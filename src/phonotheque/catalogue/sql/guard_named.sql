-- MusicBrainz' editors tell recordings apart on purpose: weaker evidence does not overrule two different MBIDs.
CREATE OR REPLACE TABLE judged AS
SELECT a, b, evidence, x.cluster IS NOT NULL AS a_named, y.cluster IS NOT NULL AS b_named
FROM (SELECT a, b, min(evidence) AS evidence FROM pair GROUP BY a, b)
LEFT JOIN named x ON x.cluster = a LEFT JOIN named y ON y.cluster = b;

INSERT INTO doubt SELECT getvariable('step'), evidence, a, b, false FROM judged WHERE a_named AND b_named;

-- First what has no MBID comes together …
CREATE OR REPLACE TABLE pair AS SELECT a, b, evidence FROM judged WHERE NOT a_named AND NOT b_named;
