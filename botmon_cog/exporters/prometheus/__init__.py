"""Metrics as Prometheus reads them: served, or pushed. Needs the extra `prometheus`."""
