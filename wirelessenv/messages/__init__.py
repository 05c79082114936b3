"""Who talks to whom, when, and how late; and what everybody knows in consequence."""
