"""What a scene costs on this machine, beside the limit that decoding and the network set."""
