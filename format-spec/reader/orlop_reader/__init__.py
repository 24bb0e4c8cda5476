"""A second reader of Orlop repositories, written from FORMAT.md alone.

It shares no code with the engine and is meant to be read beside the format page: small, plain, and
slow. It opens repositories in local folders with raw keys, passphrases and recovery keys.
"""
