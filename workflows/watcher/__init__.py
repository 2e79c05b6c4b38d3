"""Rounds by schedule: Prefect's server, flow and runner, and what becomes of them."""
