//! From global options to a store, and to an open repository.

mod browse;
mod credentials;
mod default_place;
mod init;
mod open;
mod place;
mod reading;
mod secret_file;
mod seen;
mod store;
mod tools;

pub(super) use browse::browse;
pub(super) use credentials::{new_passphrase, raw_key};
pub(super) use init::{Cipher, init, init_options, refuse_existing};
pub(super) use open::{
    Opener, Other, open, open_or_make_default, open_other, open_with_key, remember, remember_opened,
};
pub(super) use place::{Place, location};
pub(super) use reading::announce;
pub(super) use secret_file::{
    key_or_new, new_key, read as read_secret, refuse_existing_file, write_secret,
};
pub(super) use store::{create_store, open_store, parse_url};
pub(super) use tools::{cache_of, open_index, tools};
