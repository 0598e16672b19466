"""HTTP routes by subject; docs/api.md is their contract."""
