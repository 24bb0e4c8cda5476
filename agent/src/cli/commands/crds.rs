//! `orlop crds`

use clap::{Args, ValueEnum};
use orlop_api::{Definition, Group};
use serde_json::json;

use crate::cli::context::Context;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::help::after_help;

/// Print the definitions of the kinds that Orlop and Velero share, and of Orlop's own
///
/// They are YAML documents for `kubectl apply -f -`, or with --json one list that it takes too.
/// Those of velero.io are Velero's, but for the engine `orlop` and the fields that Orlop adds:
/// objects that are there stay valid when they take the place of Velero's.
#[derive(Args, Debug)]
#[command(after_long_help = after_help!("orlop crds > /tmp/crds.yaml"))]
pub(in crate::cli) struct Crds {
    /// Only the kinds of this API group
    #[arg(long, value_enum)]
    group: Option<GroupName>,
}

/// A group by its name.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum GroupName {
    /// Backups, restores, schedules, locations and what belongs to them
    #[value(name = "velero.io")]
    Velero,
    /// Restoring data into a volume, and keys
    #[value(name = "orlop.io")]
    Orlop,
}

impl From<GroupName> for Group {
    fn from(name: GroupName) -> Self {
        match name {
            GroupName::Velero => Self::Velero,
            GroupName::Orlop => Self::Orlop,
        }
    }
}

impl Crds {
    /// Prints the definitions.
    pub(in crate::cli) fn run(self, context: &Context) -> Result<ExitStatus, Failure> {
        let group = self.group.map(Group::from);
        let mut definitions = Definition::all();
        definitions.retain(|definition| group.is_none_or(|group| definition.info.group == group));
        let mut out = context.output();
        if context.options.json {
            let items: Vec<_> = definitions.iter().map(Definition::value).collect();
            out.json(&json!({ "apiVersion": "v1", "kind": "List", "items": items }))?;
        } else {
            for definition in &definitions {
                let yaml = definition.to_yaml().map_err(|error| {
                    Failure::new("the definitions cannot be printed").because(error)
                })?;
                out.line("---")?;
                out.line(yaml.trim_end())?;
            }
        }
        out.flush()?;
        Ok(ExitStatus::Done)
    }
}
