-- … then it joins an MBID, if all its evidence points to one. Between several nobody chooses.
CREATE OR REPLACE TABLE pointing AS
SELECT coalesce(x.cluster, unnamed) AS unnamed, coalesce(y.cluster, named) AS named, min(evidence) AS evidence
FROM (
    SELECT CASE WHEN a_named THEN b ELSE a END AS unnamed, CASE WHEN a_named THEN a ELSE b END AS named, evidence
    FROM judged WHERE a_named <> b_named
)
LEFT JOIN member x ON x.fact = unnamed LEFT JOIN member y ON y.fact = named
GROUP BY 1, 2;

CREATE OR REPLACE TABLE single AS
SELECT unnamed FROM pointing GROUP BY unnamed HAVING count(*) = 1;

CREATE OR REPLACE TABLE pair AS
SELECT least(unnamed, named) AS a, greatest(unnamed, named) AS b, evidence FROM pointing SEMI JOIN single USING (unnamed);

INSERT INTO doubt
SELECT getvariable('step'), evidence, unnamed, named, false FROM pointing ANTI JOIN single USING (unnamed);
