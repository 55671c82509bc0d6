"""Rules and dashboard, held against the metrics that there are."""
