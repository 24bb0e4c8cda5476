//! From a `BackupStorageLocation` to a store.
//!
//! A location names a provider and gives it settings in the words of Velero's plugins. Each of their keys
//! either counts here or is refused by its name; a key that nobody knows is refused too, as the plugins
//! do, since a setting that says nothing is how backups end in the wrong place.
//!
//! | provider | key | |
//! |---|---|---|
//! | `aws`, `velero.io/aws` | `region` | must be there without `s3Url`: the region of a bucket is not asked for yet |
//! | | `s3Url`, `s3ForcePathStyle`, `insecureSkipTLSVerify` | count. Without `s3ForcePathStyle` the bucket is in the name of the host, but not of a host that is an address, and not if its name does not fit there |
//! | | `publicUrl` | counts for signed URLs: [`Signing`] |
//! | | `serverSideEncryption`, `kmsKeyId` | count |
//! | | `profile`, `enableSharedConfig` | choose the section of the credentials file, which may hold keys, or a role with a token file; a role that is assumed with other keys is refused |
//! | | `signatureVersion` | `4`; `1` is refused |
//! | | `checksumAlgorithm` | `SHA256` is sent beside each object. With nothing, `""` or `CRC32`, Velero's default, nothing is sent beside it: the signature of each request covers the SHA-256 of its bytes. `CRC32C` and `SHA1` are refused |
//! | | `customerKeyEncryptionFile`, `tagging` | refused |
//! | `azure`, `velero.io/azure` | `storageAccount`, `storageAccountURI`, `storageAccountKeyEnvVar`, `useAAD`, `activeDirectoryAuthorityURI` | count. One of `storageAccountKeyEnvVar` and `useAAD` must be there: Azure is not asked for the keys of the account |
//! | | `resourceGroup`, `subscriptionId` | may be there; they say where Azure would be asked for those keys |
//! | | `blockSizeInBytes` | counts for what is uploaded in blocks: [`Location::block_size`]. Volume data is not |
//! | `gcp`, `velero.io/gcp` | `serviceAccount` | counts for signed URLs: [`Signing`] |
//! | | `kmsKeyName` | refused: the bucket's own default key is used, which encrypts as well |
//! | `orlop.io/local` | `path` | a folder, for trials; buckets are folders in it |
//!
//! Credentials are a file of the provider's tools: a shared credentials file, lines of
//! `NAME=value`, a key in JSON. Without one, what the process has counts. Nothing of one provider and
//! nothing of another location gets in.

mod aws;
mod aws_profile;
#[cfg(test)]
mod aws_tests;
mod azure;
#[cfg(test)]
mod azure_tests;
mod error;
mod gcp;
mod keys;
mod local;
mod place;
#[cfg(test)]
mod tests;

pub use error::LocationError;
pub use place::{Location, LocationSpec, Signing};
