//! Labels, annotations and finalizers with which Velero's objects, and those that it handles, talk to each other.
//!
//! Values of labels that are names go through [`valid_label_value`](crate::valid_label_value).

/// Labels.
pub mod labels {
    /// On what belongs to a backup, and on restored objects: its name.
    pub const BACKUP_NAME: &str = "velero.io/backup-name";
    /// On what belongs to a backup: its uid.
    pub const BACKUP_UID: &str = "velero.io/backup-uid";
    /// On what belongs to a restore, and on restored objects: its name.
    pub const RESTORE_NAME: &str = "velero.io/restore-name";
    /// On what belongs to a restore: its uid.
    pub const RESTORE_UID: &str = "velero.io/restore-uid";
    /// On a Backup: the Schedule that made it.
    pub const SCHEDULE_NAME: &str = "velero.io/schedule-name";
    /// On a `PodVolumeRestore`: uid of the pod whose volume is filled.
    pub const POD_UID: &str = "velero.io/pod-uid";
    /// On objects for one claim: its uid, of the source for a backup, of the target for a restore.
    pub const CLAIM_UID: &str = "velero.io/pvc-uid";
    /// On Backup and `BackupRepository`: name of the location. Sync and deletion choose by it.
    pub const STORAGE_LOCATION: &str = "velero.io/storage-location";
    /// On a `BackupRepository`: the namespace whose volumes are in it.
    pub const VOLUME_NAMESPACE: &str = "velero.io/volume-namespace";
    /// On a `BackupRepository`: its type.
    pub const REPOSITORY_TYPE: &str = "velero.io/repository-type";
    /// On Jobs and pods of maintenance: the repository, by [`name_or_hash`](crate::name_or_hash).
    pub const REPOSITORY_NAME: &str = "velero.io/repo-name";
    /// On any object, namespaces too: the value `true`, and no other, keeps it out of backups.
    pub const EXCLUDE_FROM_BACKUP: &str = "velero.io/exclude-from-backup";
    /// On a hosting pod: the `DataUpload` that it serves.
    pub const DATA_UPLOAD: &str = "velero.io/data-upload";
    /// On a hosting pod: the `DataDownload` that it serves.
    pub const DATA_DOWNLOAD: &str = "velero.io/data-download";
    /// On a hosting pod: the `PodVolumeBackup` that it serves.
    pub const POD_VOLUME_BACKUP: &str = "velero.io/pod-volume-backup";
    /// On a hosting pod: the `PodVolumeRestore` that it serves.
    pub const POD_VOLUME_RESTORE: &str = "velero.io/pod-volume-restore";
    /// On a `ConfigMap`: `true` if it keeps what is needed to delete a moved snapshot.
    pub const DATA_UPLOAD_SNAPSHOT_INFO: &str = "velero.io/data-upload-snapshot-info";
    /// On `DataUpload` and `DataDownload`: id of the operation, always shortened.
    pub const ASYNC_OPERATION_ID: &str = "velero.io/async-operation-id";
    /// On the `ConfigMap` with a `DataUploadResult`: namespace and name of the claim.
    pub const CLAIM_NAMESPACE_NAME: &str = "velero.io/pvc-namespace-name";
    /// On the `ConfigMap` with a `DataUploadResult`: [`RESOURCE_USAGE_DATA_UPLOAD`].
    pub const RESOURCE_USAGE: &str = "velero.io/resource-usage";
    /// The value of [`RESOURCE_USAGE`].
    pub const RESOURCE_USAGE_DATA_UPLOAD: &str = "DataUpload";
    /// On volumes and claims while a data mover restores them.
    pub const DYNAMIC_VOLUME_RESTORE: &str = "velero.io/dynamic-pv-restore";
    /// On a Backup that has expired and was not deleted: why.
    pub const GC_FAILURE: &str = "velero.io/gc-failure";
    /// On a `ConfigMap`: it configures a plugin. The value is empty.
    pub const PLUGIN_CONFIG: &str = "velero.io/plugin-config";
    /// On a `VolumeSnapshotClass`: it is the one to use for its driver, whatever the value.
    pub const VOLUME_SNAPSHOT_CLASS: &str = "velero.io/csi-volumesnapshot-class";
    /// On a `VolumeGroupSnapshotClass`: it is the one to use for its driver.
    pub const VOLUME_GROUP_SNAPSHOT_CLASS: &str = "velero.io/csi-volumegroupsnapshot-class";
    /// On a claim: those of one value are snapshotted together. A Backup may name another label.
    pub const VOLUME_GROUP: &str = "velero.io/volume-group";
    /// On a claim of a backup made before 1.14: the `VolumeSnapshot` to restore from.
    pub const VOLUME_SNAPSHOT_NAME: &str = "velero.io/volume-snapshot-name";
    /// On objects that move data: they are being exposed.
    pub const EXPOSE_ON_GOING: &str = "velero.io/expose-on-going";
    /// On hosting pods: which controller they serve.
    pub const EXPOSER_POD_GROUP: &str = "velero.io/exposer-pod-group";
    /// On everything that `velero install` makes: [`COMPONENT_VELERO`].
    pub const COMPONENT: &str = "component";
    /// The value of [`COMPONENT`].
    pub const COMPONENT_VELERO: &str = "velero";
    /// On a pod: Azure gives it an identity. Copied to hosting pods.
    pub const AZURE_WORKLOAD_IDENTITY: &str = "azure.workload.identity/use";
    /// On a namespace that Argo CD manages: restoring into it is warned about.
    pub const ARGO_CD_MANAGED_BY: &str = "argocd.argoproj.io/managed-by";
}

/// Annotations.
pub mod annotations {
    /// On a pod: names of its volumes to back up, with commas and no blanks between.
    pub const VOLUMES_TO_BACKUP: &str = "backup.velero.io/backup-volumes";
    /// On a pod: names of its volumes to leave out, where all others are taken.
    pub const VOLUMES_TO_EXCLUDE: &str = "backup.velero.io/backup-volumes-excludes";
    /// On Backup and Restore: how long one volume may take.
    pub const POD_VOLUME_TIMEOUT: &str = "velero.io/pod-volume-timeout";
    /// On a Backup: how long actions may take for one object.
    pub const RESOURCE_TIMEOUT: &str = "velero.io/resource-timeout";
    /// On a Backup: version of the cluster, as `v1.36.1`.
    pub const SOURCE_CLUSTER_GIT_VERSION: &str = "velero.io/source-cluster-k8s-gitversion";
    /// On a Backup: major version of the cluster.
    pub const SOURCE_CLUSTER_MAJOR_VERSION: &str = "velero.io/source-cluster-k8s-major-version";
    /// On a Backup: minor version of the cluster.
    pub const SOURCE_CLUSTER_MINOR_VERSION: &str = "velero.io/source-cluster-k8s-minor-version";
    /// On a Backup: `ConfigMap` with the volume policies that hold for the whole cluster.
    pub const GLOBAL_VOLUME_POLICY: &str = "velero.io/global-backup-volume-policy-configmap";
    /// On a `PodVolumeBackup`: name of the claim.
    pub const CLAIM_NAME: &str = "velero.io/pvc-name";
    /// Set by an action: the object is not stored. Beats [`MUST_INCLUDE_ADDITIONAL_ITEMS`].
    pub const SKIP_FROM_BACKUP: &str = "velero.io/skip-from-backup";
    /// Set by an action: what it wants along comes along, whatever the filters say.
    pub const MUST_INCLUDE_ADDITIONAL_ITEMS: &str =
        "backup.velero.io/must-include-additional-items";
    /// The same while restoring; taken away before the object is made.
    pub const MUST_INCLUDE_ADDITIONAL_ITEMS_RESTORE: &str =
        "restore.velero.io/must-include-additional-items";
    /// On a claim: it was not snapshotted, for its volume is not of a CSI driver.
    pub const SKIPPED_NO_CSI_VOLUME: &str = "backup.velero.io/skipped-no-csi-pv";
    /// On any object of a backup: `true` or `false`, whether its status is restored.
    pub const RESTORE_STATUS: &str = "velero.io/restore-status";
    /// On a volume: the name that it had.
    pub const ORIGINAL_VOLUME_NAME: &str = "velero.io/original-pv-name";
    /// On pods of very old backups, with the volume's name behind it: the snapshot.
    pub const SNAPSHOT_PREFIX: &str = "snapshot.velero.io/";
    /// On a claim: the class of its snapshot.
    pub const VOLUME_SNAPSHOT_CLASS: &str = "velero.io/csi-volumesnapshot-class";
    /// On Backup and Schedule, with the driver's name behind it: the class of snapshots.
    pub const VOLUME_SNAPSHOT_CLASS_PREFIX: &str = "velero.io/csi-volumesnapshot-class_";
    /// On a `VolumeSnapshotClass`: the default of its driver.
    pub const DEFAULT_VOLUME_SNAPSHOT_CLASS: &str =
        "snapshot.storage.kubernetes.io/is-default-class";
    /// On a claim: the class of its group's snapshot.
    pub const VOLUME_GROUP_SNAPSHOT_CLASS: &str = "velero.io/csi-volume-group-snapshot-class";
    /// On a Backup, with the driver's name behind it: the class of group snapshots.
    pub const VOLUME_GROUP_SNAPSHOT_CLASS_PREFIX: &str = "velero.io/csi-volumegroupsnapshot-class_";
    /// On claims of newer backups: the `VolumeSnapshot` to restore from.
    pub const VOLUME_SNAPSHOT_NAME: &str = "velero.io/volume-snapshot-name";
    /// On a snapshot: its name at the provider.
    pub const VOLUME_SNAPSHOT_HANDLE: &str = "velero.io/csi-volumesnapshot-handle";
    /// On a snapshot: the size of the volume to restore it into.
    pub const VOLUME_SNAPSHOT_RESTORE_SIZE: &str = "velero.io/csi-volumesnapshot-restore-size";
    /// On a snapshot: its driver.
    pub const DRIVER_NAME: &str = "velero.io/csi-driver-name";
    /// On a snapshot: what happens to the data when it is deleted.
    pub const SNAPSHOT_DELETION_POLICY: &str = "velero.io/csi-vsc-deletion-policy";
    /// On a snapshot: name of its group's snapshot at the provider.
    pub const VOLUME_GROUP_SNAPSHOT_HANDLE: &str = "velero.io/csi-volumegroupsnapshot-handle";
    /// On a claim or `VolumeSnapshot`: the `DataUpload` that moves it.
    pub const DATA_UPLOAD_NAME: &str = "velero.io/data-upload-name";
    /// On a pod: the role that Amazon gives it. Copied to hosting pods.
    pub const IAM_ROLE: &str = "iam.amazonaws.com/role";
    /// On a pod: it mirrors a static one, and is not restored.
    pub const MIRROR_POD: &str = "kubernetes.io/config.mirror";

    /// What is run in a container before or after its pod is saved.
    ///
    /// Each with `pre.` or `post.` before it; without, as of old, it is run before.
    pub mod backup_hook {
        /// Run before.
        pub const PRE_PREFIX: &str = "pre.";
        /// Run after.
        pub const POST_PREFIX: &str = "post.";
        /// A JSON array, or one word; without it there is no hook.
        pub const COMMAND: &str = "hook.backup.velero.io/command";
        /// The container; the first if absent.
        pub const CONTAINER: &str = "hook.backup.velero.io/container";
        /// `Fail` or `Continue`.
        pub const ON_ERROR: &str = "hook.backup.velero.io/on-error";
        /// How long it may take; 30 seconds if absent.
        pub const TIMEOUT: &str = "hook.backup.velero.io/timeout";
    }

    /// What is run in a container after its pod was restored.
    pub mod restore_hook {
        /// A JSON array, or one word; without it there is no hook.
        pub const COMMAND: &str = "post.hook.restore.velero.io/command";
        /// The container; the first if absent.
        pub const CONTAINER: &str = "post.hook.restore.velero.io/container";
        /// `Fail` or `Continue`.
        pub const ON_ERROR: &str = "post.hook.restore.velero.io/on-error";
        /// How long the command may take.
        pub const EXEC_TIMEOUT: &str = "post.hook.restore.velero.io/exec-timeout";
        /// How long the container may take to be there.
        pub const WAIT_TIMEOUT: &str = "post.hook.restore.velero.io/wait-timeout";
        /// Whether the container must be ready, not only running.
        pub const WAIT_FOR_READY: &str = "post.hook.restore.velero.io/wait-for-ready";
        /// Image of a container that is run before the others.
        pub const INIT_CONTAINER_IMAGE: &str = "init.hook.restore.velero.io/container-image";
        /// Its name.
        pub const INIT_CONTAINER_NAME: &str = "init.hook.restore.velero.io/container-name";
        /// Its command.
        pub const INIT_COMMAND: &str = "init.hook.restore.velero.io/command";
        /// How long it may take.
        pub const INIT_TIMEOUT: &str = "init.hook.restore.velero.io/timeout";
    }
}

/// Finalizers. Those of a Velero that is gone must be taken away, or deletion waits for ever.
pub mod finalizers {
    /// On a Restore: its files in the bucket are deleted first.
    pub const RESTORE: &str = "restores.velero.io/external-resources-finalizer";
    /// On `PodVolumeBackup` and `PodVolumeRestore` until they are done.
    pub const POD_VOLUME: &str = "velero.io/pod-volume-finalizer";
    /// On `DataUpload` and `DataDownload` until they are done.
    pub const DATA_MOVER: &str = "velero.io/data-upload-download-finalizer";
    /// On a `VolumeSnapshotContent` that is in use.
    pub const SNAPSHOT_CONTENT: &str = "velero.io/volume-snapshot-content-protect-finalizer";
}
