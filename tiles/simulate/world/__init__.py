"""The world that is rendered: relief, cover, water, clouds and light."""
