//! Which volumes of a pod are volume data, and why the others are not.

use super::described::{PersistentSource, PersistentVolume, PodVolume, VolumeSource};

/// Names of volumes that tokens of service accounts had in old clusters begin so.
const OLD_TOKENS: &str = "default-token";

/// Why a volume's files are never backed up. The text is for a warning: it follows the name of the
/// volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NeverData {
    /// It is a folder of the node.
    #[error(
        "is a hostPath volume: the files belong to the node and not to the pod, and are not \
         backed up"
    )]
    HostPath,
    /// Its claim is bound to a folder of the node.
    #[error(
        "is a claim whose persistent volume is a hostPath: the files belong to the node and not to \
         the claim, and are not backed up"
    )]
    ClaimOfHostPath,
    /// It is a Secret.
    #[error("is a Secret: it is backed up as an object, not as files")]
    Secret,
    /// It is a `ConfigMap`.
    #[error("is a ConfigMap: it is backed up as an object, not as files")]
    ConfigMap,
    /// It is a projection.
    #[error("is projected from other objects and tokens: the cluster makes it anew")]
    Projected,
    /// It is the pod's own fields.
    #[error("holds fields of the pod: the cluster makes it anew")]
    DownwardApi,
    /// It is an image.
    #[error("holds files of a container image, which is pulled anew")]
    Image,
    /// It is a token of a service account.
    #[error("holds the token of a service account: the cluster makes it anew")]
    Token,
}

/// Why `volume` is never volume data; nothing if it may be. `persistent` is the volume that its
/// claim is bound to, if it is one.
pub fn never_data(volume: &PodVolume, persistent: Option<&PersistentVolume>) -> Option<NeverData> {
    let by_source = match volume.source {
        VolumeSource::HostPath => Some(NeverData::HostPath),
        VolumeSource::Secret => Some(NeverData::Secret),
        VolumeSource::ConfigMap => Some(NeverData::ConfigMap),
        VolumeSource::Projected => Some(NeverData::Projected),
        VolumeSource::DownwardApi => Some(NeverData::DownwardApi),
        VolumeSource::Image => Some(NeverData::Image),
        VolumeSource::Claim { .. } | VolumeSource::EphemeralClaim => {
            let of_host =
                |persistent: &PersistentVolume| persistent.source == PersistentSource::HostPath;
            persistent
                .is_some_and(of_host)
                .then_some(NeverData::ClaimOfHostPath)
        }
        VolumeSource::InlineCsi { .. }
        | VolumeSource::EmptyDir { .. }
        | VolumeSource::InTree { .. } => None,
    };
    let token = volume.name.starts_with(OLD_TOKENS);
    by_source.or(token.then_some(NeverData::Token))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_cluster_or_the_node_has_is_never_data() {
        let persistent = |source| {
            let volume = json!({ "metadata": { "name": "pv" }, "spec": source });
            Some(PersistentVolume::parse(&volume).unwrap())
        };
        let claim = json!({ "persistentVolumeClaim": { "claimName": "c" } });
        for (source, volume, wanted) in [
            (json!({ "hostPath": {} }), None, Some(NeverData::HostPath)),
            (json!({ "secret": {} }), None, Some(NeverData::Secret)),
            (json!({ "configMap": {} }), None, Some(NeverData::ConfigMap)),
            (json!({ "projected": {} }), None, Some(NeverData::Projected)),
            (
                json!({ "downwardAPI": {} }),
                None,
                Some(NeverData::DownwardApi),
            ),
            (json!({ "image": {} }), None, Some(NeverData::Image)),
            (
                claim.clone(),
                persistent(json!({ "hostPath": {} })),
                Some(NeverData::ClaimOfHostPath),
            ),
            (
                json!({ "ephemeral": {} }),
                persistent(json!({ "hostPath": {} })),
                Some(NeverData::ClaimOfHostPath),
            ),
            (claim.clone(), persistent(json!({ "local": {} })), None),
            (claim, None, None),
            (json!({ "emptyDir": {} }), None, None),
            (json!({ "csi": { "driver": "d" } }), None, None),
            (json!({ "nfs": {} }), None, None),
        ] {
            let mut fields = source.clone();
            fields["name"] = "v".into();
            let pod_volume = PodVolume::parse(&fields).unwrap();
            assert_eq!(never_data(&pod_volume, volume.as_ref()), wanted, "{source}");
        }
    }

    #[test]
    fn the_token_of_an_old_cluster_is_known_by_its_name() {
        let volume = json!({ "name": "default-token-x7k2p", "emptyDir": {} });
        let volume = PodVolume::parse(&volume).unwrap();
        assert_eq!(never_data(&volume, None), Some(NeverData::Token));
    }

    #[test]
    fn the_reason_goes_on_where_the_name_of_the_volume_ends() {
        let text = format!("volume cfg {}", NeverData::ConfigMap);
        assert_eq!(
            text,
            "volume cfg is a ConfigMap: it is backed up as an object, not as files"
        );
    }
}
