-- Fingerprints agree (a re-encode). They tell of the first two minutes only, so the lengths must agree as well.
CREATE OR REPLACE TABLE filed AS
SELECT file_sha256, min(fact) AS fact FROM fact
WHERE file_sha256 IN (SELECT a_sha256 FROM link UNION SELECT b_sha256 FROM link)
GROUP BY file_sha256;

CREATE OR REPLACE TABLE heard AS
SELECT link.number, least(x.fact, y.fact) AS a, greatest(x.fact, y.fact) AS b, score
FROM link JOIN filed x ON x.file_sha256 = a_sha256 JOIN filed y ON y.file_sha256 = b_sha256
WHERE score < alike_below() AND x.fact <> y.fact;

CREATE OR REPLACE TABLE compared AS
SELECT number, a, b, score, people_differ(x.people, y.people) AS people_differ,
       coalesce(lengths_differ(x.duration_ms, y.duration_ms), false) AS differ
FROM heard
JOIN (SELECT fact, people, duration_ms FROM fact) x ON x.fact = a
JOIN (SELECT fact, people, duration_ms FROM fact) y ON y.fact = b;

CREATE OR REPLACE TABLE same AS
SELECT number AS k1, 0::BIGINT AS k2, 0::BIGINT AS k3, unnest([a, b]) AS fact, number AS evidence
FROM compared WHERE score < same_below() AND NOT differ;

INSERT INTO doubt
SELECT 'fingerprint', number, a, b, score < same_below() AND NOT differ
FROM compared WHERE score >= same_below() OR differ OR people_differ;
