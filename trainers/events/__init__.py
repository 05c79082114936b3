"""Who computes, sends and hears when; no iterate is needed to know."""
