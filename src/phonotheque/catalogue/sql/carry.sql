-- Facts of parts that are gone: the same evidence is the same fact.
INSERT INTO carried
SELECT min(today.fact), outlived.fact
FROM (SELECT fact, evidence_of(file_sha256, source, source_id) AS evidence FROM outlived) outlived
JOIN (SELECT fact, evidence_of(file_sha256, source, source_id) AS evidence FROM fact) today USING (evidence)
GROUP BY outlived.fact;
