"""The ledger's database: connection, tables, migrations."""
