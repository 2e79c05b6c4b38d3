"""Networks and what belongs to them: U-Net, checkpoints with their cards, and the runtime that makes them fast."""
