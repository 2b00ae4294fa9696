"""The one place where a source meets the disk: check every record, keep the raw, write the certificate."""
