"""Present: recommendations for a room, on a stage that fills the window."""
