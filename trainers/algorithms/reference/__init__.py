"""The algorithms once more as plain loops, agent by agent and message by message: read these, run the fast forms.

One file for each algorithm, with the line numbers of its paper; messages.py and draws.py serve several, and variants.py holds
options of Algorithm 2. Nothing is batched, and nothing is imported from the
fast forms; the tests compare the two number for number. Random numbers are handed in, so that both can see the same.
"""
