"""Methods of a comparison that learn before they decide."""
