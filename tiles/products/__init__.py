"""Read products as they come: SAFE, STAC items, stacks and folders of bands; decide their radiometry."""
