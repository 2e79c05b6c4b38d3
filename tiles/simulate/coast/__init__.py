"""A coast over several MGRS tiles, UTM zones and dates."""
