"""Score models whose population ROC curve is known."""
