"""How far the images of two dates lie beside each other, measured on ground that does not move."""
