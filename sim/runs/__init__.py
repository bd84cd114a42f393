"""The engine of training runs: cells, their store, sweeps, parallel work, choices on validation."""
