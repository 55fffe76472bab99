-- … then it joins an MBID, if all its evidence points to one. Between several nobody chooses.
CREATE OR REPLACE TABLE pointing AS
SELECT CASE WHEN x.cluster IN (FROM named) THEN y.cluster ELSE x.cluster END AS unnamed,
       CASE WHEN x.cluster IN (FROM named) THEN x.cluster ELSE y.cluster END AS named,
       min(remaining.evidence) AS evidence
FROM remaining JOIN member x ON x.t = remaining.a JOIN member y ON y.t = remaining.b
GROUP BY 1, 2;

CREATE OR REPLACE TABLE pair AS
SELECT least(unnamed, named) AS a, greatest(unnamed, named) AS b, evidence
FROM pointing QUALIFY count(*) OVER (PARTITION BY unnamed) = 1;

INSERT INTO doubt
SELECT getvariable('step'), evidence, unnamed, named, false
FROM pointing QUALIFY count(*) OVER (PARTITION BY unnamed) > 1;
