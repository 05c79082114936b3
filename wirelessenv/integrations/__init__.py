"""Forms of the environment for single libraries; each module imports its library, which nothing else does."""
