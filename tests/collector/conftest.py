from tests.support.migrated_state import migrated_state
from tests.support.passwords import cheap_passwords

__all__ = ["cheap_passwords", "migrated_state"]
