//! `orlop init`

use clap::Args;
use orlop_repo::repository::InitSlot;
use orlop_repo::slots::{PassphraseCost, SlotSpec};
use serde::Serialize;

use super::key::new_slot::recipient;
use crate::cli::context::Context;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::help::after_help;
use crate::cli::repository::{self, Cipher, Place};

/// Make a new repository
///
/// It can be opened with everything that is named here: --key-file, --passphrase-file and any
/// number of recipients. A key file that does not exist is made. Refuses a place where there is a
/// repository, and a store that cannot keep one safe.
///
/// Prints the id of the repository: note it, it tells a repository from a forged one.
#[derive(Args, Debug)]
#[command(after_long_help = after_help!(
    "orlop init --repo /tmp/orlop-example --key-file /tmp/orlop-example.key"
))]
pub(in crate::cli) struct Init {
    /// Public key of an offline recovery identity; may be given again
    #[arg(long, value_name = "age1...", value_parser = recipient)]
    recipient: Vec<String>,

    /// How everything is encrypted, for the repository's whole life
    #[arg(long, value_enum, default_value_t, value_name = "NAME")]
    cipher: Cipher,
}

/// The message of `orlop init --json`.
#[derive(Debug, Serialize)]
struct Initialized {
    /// Always `initialized`.
    message_type: &'static str,
    /// Id of the repository, 64 hex digits.
    id: String,
    /// Where it is.
    repository: String,
}

impl Init {
    /// Makes it and prints its id.
    pub(in crate::cli) async fn run(self, context: &Context) -> Result<ExitStatus, Failure> {
        let place = Place::of(context)?;
        let store = repository::create_store(&place.url).await?;
        repository::refuse_existing(&place.url, &store).await?;
        let slots = self.slots(context, &place)?;
        let options = repository::init_options(context, slots, self.cipher);
        let made = repository::init(&place.url, store, options).await?;
        repository::remember(context, &place.url, &made).await;
        let id = made.id().to_string();
        let mut out = context.output();
        if context.options.json {
            out.json(&Initialized {
                message_type: "initialized",
                id,
                repository: place.url.to_string(),
            })?;
        } else if context.options.quiet {
            out.line(id)?;
        } else {
            out.line(format!("made repository {id} at {}", place.url))?;
        }
        out.flush()?;
        Ok(ExitStatus::Done)
    }

    fn slots(&self, context: &Context, place: &Place) -> Result<Vec<InitSlot>, Failure> {
        let options = &context.options;
        let mut slots = Vec::new();
        let own = place.own_key.as_deref();
        let key_file = options.key_file.as_deref().or_else(|| {
            own.filter(|_| options.passphrase_file.is_none() && self.recipient.is_empty())
        });
        if let Some(file) = key_file {
            slots.push(InitSlot {
                spec: SlotSpec::Raw(repository::key_or_new(context, file)?),
                label: "key file".to_owned(),
            });
        }
        if let Some(file) = &options.passphrase_file {
            let passphrase = repository::new_passphrase(file)?;
            slots.push(InitSlot {
                spec: SlotSpec::Passphrase(passphrase, PassphraseCost::default()),
                label: "passphrase".to_owned(),
            });
        }
        for recipient in &self.recipient {
            slots.push(InitSlot {
                spec: SlotSpec::Recipient(recipient.clone()),
                label: "recovery".to_owned(),
            });
        }
        if slots.is_empty() {
            return Err(Failure::usage("a repository needs a key").next(
                "name --key-file (made if it does not exist), --passphrase-file or --recipient",
            ));
        }
        Ok(slots)
    }
}
