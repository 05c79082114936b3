"""Agents that are really apart: methods whose parties are processes that send each other messages, and what they record."""
