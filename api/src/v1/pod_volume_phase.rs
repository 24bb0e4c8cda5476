//! How moving a volume's data goes on.

use crate::object::open_enum;

open_enum! {
    /// Where the backup or restore of one volume stands.
    ///
    /// From `New` to `Accepted`, `Prepared`, `InProgress` and `Completed`; from each before the last
    /// to `Failed`, or by `Canceling` to `Canceled`. Until 1.16 Velero goes from `New` to
    /// `InProgress` at once.
    DataMovePhase {
        /// Nobody has looked at it yet.
        New = "New",
        /// A node has taken it.
        Accepted = "Accepted",
        /// What has the data is ready.
        Prepared = "Prepared",
        /// Data moves.
        InProgress = "InProgress",
        /// It is being stopped.
        Canceling = "Canceling",
        /// It was stopped.
        Canceled = "Canceled",
        /// It is done.
        Completed = "Completed",
        /// It failed.
        Failed = "Failed",
    }
    default New also ""
    last Canceled | Completed | Failed
}
