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
INSERT INTO nomenclature_names (company_id, name_folded, good, since, until)
SELECT company_id, name_folded, good, since, until FROM nomenclature_goods;
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
CREATE INDEX nomenclature_goods_by_good ON nomenclature_goods (company_id, good, since);

-- Whether the good is found by another name than before. Of plans that were made earlier nobody said: they are looked at.
ALTER TABLE nomenclature_plan_rows
    ADD COLUMN name_changed INTEGER NOT NULL DEFAULT 1 CHECK (name_changed IN (0, 1));
