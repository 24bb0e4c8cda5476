"""What is wrong with a repository."""


class Damage(Exception):
    """Stored bytes are not what the format, a hash or a key says."""


class NoKey(Exception):
    """No slot opens with the keys given."""


class Lost(Damage):
    """Something that the log declares lost."""
