"""The dashboard: a view as a query string, its figures, the running month, and the server that shows them by Voilà."""
