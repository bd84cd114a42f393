"""Tables 1 to 3, Figure 1 and the yardstick: methods beside methods."""
