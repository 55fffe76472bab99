-- Fingerprints agree (a re-encode). They tell of the first two minutes only, so the lengths must agree as well.
CREATE OR REPLACE TABLE heard AS
SELECT least(x.t, y.t) AS a, greatest(x.t, y.t) AS b, score, x.people AS people_a, y.people AS people_b,
       coalesce(lengths_differ(x.duration_ms, y.duration_ms), false) AS differ
FROM (SELECT a_sha256, b_sha256, min(score) AS score FROM link WHERE evidence = 'fingerprint' GROUP BY ALL)
JOIN (SELECT * FROM track QUALIFY row_number() OVER (PARTITION BY file_sha256 ORDER BY t) = 1) x ON x.file_sha256 = a_sha256
JOIN (SELECT * FROM track QUALIFY row_number() OVER (PARTITION BY file_sha256 ORDER BY t) = 1) y ON y.file_sha256 = b_sha256
WHERE score < alike_below() AND x.t <> y.t;

CREATE OR REPLACE TABLE same AS
SELECT a || '/' || b AS class, unnest([a, b]) AS t, 'bit error rate ' || printf('%.4f', score) AS evidence
FROM heard WHERE score < same_below() AND NOT differ;

INSERT INTO doubt
SELECT 'fingerprint', 'bit error rate ' || printf('%.4f', score), a, b, score < same_below() AND NOT differ
FROM heard WHERE score >= same_below() OR differ OR people_differ(people_a, people_b);
