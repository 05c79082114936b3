"""Problems: costs and utilities that learners optimise, and the policies of agents."""
