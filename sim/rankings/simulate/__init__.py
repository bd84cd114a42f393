"""Monte Carlo over rankings: correlations, weighted areas, sampled metrics."""
