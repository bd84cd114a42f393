"""Figure 7 and the optimal hardness: where samplers put their probability."""
