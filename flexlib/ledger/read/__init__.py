"""What was recorded, asked in the database."""
