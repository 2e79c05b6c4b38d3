"""Say where a result comes from: STAC items, catalogues and indexes."""
