"""Samplers as estimators of OPAUC(beta): bias, error, rates, realised beta."""
