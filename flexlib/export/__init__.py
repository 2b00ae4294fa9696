"""Finished tables and rows -> files of other programs: CSV and JSON, Parquet, an Excel workbook."""

from flexlib.export.lines import _disarm, disarm_in_sql, name_file, to_json_rows, write_csv, write_rows
