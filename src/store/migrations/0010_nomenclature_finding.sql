-- A good gets a version with every change of its price, and a name or a public id once: what goods are found by is kept
-- apart from their versions, so that an import of new prices does not write it again, nor a list read past all of them.

-- Which good has which folded name, by version of the catalogue as in nomenclature_barcodes.
CREATE TABLE nomenclature_names (
    company_id  INTEGER NOT NULL,
    name_folded TEXT    NOT NULL,
    good        INTEGER NOT NULL,
    since       INTEGER NOT NULL,
    until       INTEGER NOT NULL DEFAULT 9223372036854775807,
    PRIMARY KEY (company_id, name_folded, good, since)
) STRICT, WITHOUT ROWID;
-- Versions of a good that follow each other under one name are one row.
INSERT INTO nomenclature_names (company_id, name_folded, good, since, until)
SELECT company_id, name_folded, good, min(since), max(until)
FROM (SELECT company_id, name_folded, good, since, until,
             sum(begins) OVER (PARTITION BY company_id, good ORDER BY since) AS stretch
      FROM (SELECT company_id, name_folded, good, since, until,
                   (lag(name_folded) OVER of_good IS NOT name_folded OR lag(until) OVER of_good IS NOT since) AS begins
            FROM nomenclature_goods WINDOW of_good AS (PARTITION BY company_id, good ORDER BY since)))
GROUP BY company_id, good, stretch, name_folded;
DROP INDEX nomenclature_goods_by_name;

-- Which good has which public id. It stays while there is any version of it.
CREATE TABLE nomenclature_ids (
    company_id INTEGER NOT NULL,
    guid       BLOB    NOT NULL CHECK (length(guid) = 16),
    good       INTEGER NOT NULL,
    PRIMARY KEY (company_id, guid)
) STRICT, WITHOUT ROWID;
INSERT OR REPLACE INTO nomenclature_ids (company_id, guid, good)
SELECT company_id, guid, good FROM nomenclature_goods ORDER BY since;
DROP INDEX nomenclature_goods_by_guid;

-- The version of a good that stands at a version of the catalogue is one look into it.
DROP INDEX nomenclature_goods_by_good;
CREATE UNIQUE INDEX nomenclature_goods_by_good ON nomenclature_goods (company_id, good, since);

-- Versions are forgotten only once nobody can still be reading a list or an export by them: which version there was at an
-- instant that is long enough ago. Below `forgotten` a catalogue can no longer be read.
ALTER TABLE nomenclature_catalogues ADD COLUMN marked_version INTEGER;
ALTER TABLE nomenclature_catalogues ADD COLUMN marked_at INTEGER;
ALTER TABLE nomenclature_catalogues ADD COLUMN forgotten INTEGER NOT NULL DEFAULT 0;

-- Whether the good is found by another name than before. Of plans that were made earlier nobody said: they are looked at.
ALTER TABLE nomenclature_plan_rows
    ADD COLUMN name_changed INTEGER NOT NULL DEFAULT 1 CHECK (name_changed IN (0, 1));
