"""What a watcher is to do: the file of areas, checked."""
