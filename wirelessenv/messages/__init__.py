"""Exchange of messages: graphs, activity, delay and loss, and the knowledge of agents in consequence."""
