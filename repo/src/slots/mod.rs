//! Key slots: ways to the keys of a repository, like those of LUKS (`FORMAT.md` section 5).
//!
//! *Expected flow*: list `meta/slots/`, order the names with [`slot_candidates`], get one after the
//! other and give it to [`open_slot`]; the first that opens gives the [`Keyring`](crate::keys::Keyring).
//! Only when none does is [`SlotError::WrongKey`] the answer, with all names tried in it.

mod credential;
mod error;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod name;
mod open;
mod passphrase;
mod payload;
mod recipient;
mod record;
mod same_holder;
mod wrap;
mod write;

pub use credential::Credential;
pub use error::SlotError;
pub use name::{SlotKind, SlotName, slot_candidates};
pub use open::{OpenOptions, OpenedSlot, open_slot};
pub use passphrase::PassphraseCost;
pub use recipient::is_recipient;
pub use record::ClaimedSlot;
pub(crate) use same_holder::same_holder;
pub use write::{NewSlot, SlotSpec, new_slot};
