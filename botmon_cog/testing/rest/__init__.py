"""Discord's REST API v10, resource by resource."""
