//! Engines for volume data.

use crate::object::open_enum;

open_enum! {
    /// The engine that has a volume's data.
    ///
    /// Beside Velero's values there is `orlop`: without it in the definition, a server refuses our
    /// objects.
    UploaderType {
        /// The engine that Velero uses.
        Kopia = "kopia",
        /// The engine that Velero used.
        Restic = "restic",
        /// Left to the server. It means `orlop` only on a new backup of a volume; on what has a
        /// snapshot already, it is of another engine.
        Unset = "",
        /// Ours.
        Orlop = "orlop",
    }
    default Unset
}
