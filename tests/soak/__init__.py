"""The soak: the real daemon for minutes between upstreams and clients that misbehave at random, and
then the books of both sides against its own. `./dev soak [SECONDS]`; see README.md."""
