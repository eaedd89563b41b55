"""What runs in the worker process: the only place that imports matplotlib. Nothing else imports this."""
