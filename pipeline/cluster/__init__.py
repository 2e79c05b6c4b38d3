"""Run tasks on Dask: workers of this machine, or a cluster."""
