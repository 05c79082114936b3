"""Events of distributed methods: computing, sending and hearing, simulated before any iterate is known."""
