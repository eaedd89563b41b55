"""Who used what: to read, page by page, and to have it posted as it happens."""
