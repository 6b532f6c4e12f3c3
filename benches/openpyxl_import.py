"""The import as a team would write it for itself: openpyxl reads, sqlite3 keeps.

    openpyxl_import.py WORKBOOK DATABASE

Rows find goods by their EAN-13 barcode, then by name; those found are updated, the others made. Prints one line of JSON.
"""

import json
import sqlite3
import sys
import time
from decimal import Decimal, InvalidOperation

from openpyxl import load_workbook

COLUMNS = {
    "Название": "name",
    "Артикул": "article",
    "Группа": "group_path",
    "Единица": "unit",
    "Цена": "price",
    "Ставка НДС": "vat",
    "Штрихкоды EAN-13": "ean13",
    "Локальные штрихкоды": "local",
    "Предмет расчёта": "subject",
    "В архиве": "archived",
    "Поставщик": "supplier",
    "Примечание": "note",
}
FIELDS = list(COLUMNS.values())


def valid_ean13(code):
    if len(code) != 13 or not code.isdigit():
        return False
    total = sum(int(digit) * (3 if at % 2 else 1) for at, digit in enumerate(code[:12]))
    return (10 - total % 10) % 10 == int(code[12])


def cleaned(row, columns):
    good = {field: None for field in FIELDS}
    for field, value in zip(columns, row):
        if field is not None and value is not None:
            good[field] = value.strip() if isinstance(value, str) else value
    if not good["name"] or len(good["name"]) > 128:
        raise ValueError("name")
    try:
        price = Decimal(str(good["price"]).replace(" ", "").replace(",", "."))
    except InvalidOperation as error:
        raise ValueError("price") from error
    if price < 0:
        raise ValueError("price")
    good["price"] = int((price * 100).to_integral_value())
    good["vat"] = int(good["vat"])
    code = str(int(good["ean13"])) if isinstance(good["ean13"], (int, float)) else good["ean13"]
    if not valid_ean13(code):
        raise ValueError("ean13")
    good["ean13"] = code
    good["archived"] = 1 if good["archived"] == "да" else 0
    return good


def main():
    path, database = sys.argv[1:]
    began = time.perf_counter()
    connection = sqlite3.connect(database)
    book = load_workbook(path, read_only=True, data_only=True)
    rows = book.worksheets[0].iter_rows(values_only=True)
    columns = [COLUMNS.get(name) for name in next(rows)]
    assign = ", ".join(f"{field} = :{field}" for field in FIELDS)
    update = f"UPDATE goods SET {assign} WHERE id = :id"
    insert = f"INSERT INTO goods ({', '.join(FIELDS)}) VALUES ({', '.join(':' + field for field in FIELDS)})"
    created = updated = refused = 0
    for row in rows:
        try:
            good = cleaned(row, columns)
        except (ValueError, TypeError):
            refused += 1
            continue
        found = connection.execute("SELECT id FROM goods WHERE ean13 = ?", (good["ean13"],)).fetchone()
        if found is None:
            found = connection.execute("SELECT id FROM goods WHERE name = ?", (good["name"],)).fetchone()
        if found is None:
            connection.execute(insert, good)
            created += 1
        else:
            connection.execute(update, {**good, "id": found[0]})
            updated += 1
    connection.commit()
    took = time.perf_counter() - began
    print(json.dumps({"seconds": took, "created": created, "updated": updated, "refused": refused}))


if __name__ == "__main__":
    main()
