"""The Grafana dashboard, made of the metrics' names: `python -m dashboards` writes deploy/grafana/weir.json."""
