"""Work on more items than memory holds: from shards of vectors to shards of semantic IDs, on one machine or on a cluster."""
