"""Figure 6 and what goes beyond it: which area predicts which metric."""
