"""Searching a tree of codes with any decoder: the trie of valid prefixes, beam search, and the exact search that judges it."""
