//! `orlop key shred`

use clap::Args;
use orlop_repo::store::StoreUrl;
use serde::Serialize;

use super::failure;
use crate::cli::context::Context;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::help::after_help_repository;
use crate::cli::repository;
use crate::slots::{list, shred};

/// Make the repository unreadable for ever, by removing every key slot
///
/// Lists every slot first. It is not done while a slot is in the store; nor can that be said of a
/// bucket, where an older version of a slot may be kept: those have to be deleted by whoever runs
/// the bucket. Recovery files hold a slot as well.
#[derive(Args, Debug)]
#[command(after_long_help = after_help_repository!(
    "orlop key shred",
    "3    " "slots are removed, but an older version of one may still open it"
))]
pub(in crate::cli) struct KeyShred {
    /// Id of the repository, all 64 digits, as a proof that this one is meant
    #[arg(long, value_name = "ID")]
    confirm: Option<String>,
}

/// The result of `orlop key shred --json`.
#[derive(Debug, Serialize)]
struct Shredded {
    /// `shredded`, or `would_shred` without `--confirm`.
    message_type: &'static str,
    /// Id of the repository.
    repository: String,
    /// Slots that there were.
    slots: Vec<String>,
    /// Whether it is known that none of them is left, in any version.
    proven: bool,
}

impl KeyShred {
    /// Lists the slots; removes them if the user has confirmed that.
    pub(in crate::cli) async fn run(self, context: &Context) -> Result<ExitStatus, Failure> {
        let repository = repository::open(context).await?;
        let id = repository.id().to_string();
        let slots = list(&repository)
            .await
            .map_err(|error| failure("cannot list the key slots", error))?;
        let slots: Vec<_> = slots.into_iter().map(|slot| slot.name).collect();
        let confirmed = match &self.confirm {
            None => false,
            Some(confirm) if confirm.eq_ignore_ascii_case(&id) => true,
            Some(_) => {
                return Err(Failure::usage(format!("--confirm is not the id of {id}"))
                    .next("nothing was removed"));
            }
        };
        // Folders keep no versions that we know of; buckets may, and do not tell through the
        // interface that all of them have.
        let local = matches!(repository::location(context)?, StoreUrl::Local(_));
        let mut out = context.output();
        if !context.options.json {
            for slot in &slots {
                out.line(slot)?;
            }
            out.flush()?;
        }
        if confirmed {
            let left = shred(&repository)
                .await
                .map_err(|error| failure("some slots may still be there", error))?;
            if let Some(left) = left.first() {
                return Err(Failure::new(format!("{left} is still in the store"))
                    .next("run it again, or delete the object"));
            }
        }
        if context.options.json {
            out.json(&Shredded {
                message_type: if confirmed { "shredded" } else { "would_shred" },
                repository: id,
                slots,
                proven: confirmed && local,
            })?;
        } else if confirmed {
            out.line(format!("removed every slot of repository {id}"))?;
        } else {
            out.line(format!(
                "nothing was removed; to make the repository unreadable: --confirm {id}"
            ))?;
        }
        out.flush()?;
        if confirmed && !local {
            context.warn(
                "not done: delete every older version of these objects, or an old one still opens \
                 the repository; orlop cannot see versions",
            );
            return Ok(ExitStatus::Incomplete);
        }
        Ok(ExitStatus::Done)
    }
}
