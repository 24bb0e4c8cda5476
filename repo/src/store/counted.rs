//! Wrapper that counts what passes through it.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use object_store::PutPayload;

use super::backend::{Backend, ObjectInfo, Put, StoreFuture, Tail};
use super::counters::{Counters, add};
use super::error::StoreError;
use super::folder::Folder;
use crate::model::ObjectName;

/// Names a page of a listing holds on S3, GCS and Azure.
const LIST_PAGE: u64 = 1000;

/// Counts the requests to `inner`.
///
/// Sits below the retries, so that attempts are counted and not wishes.
#[derive(Debug)]
pub(super) struct Counted<B> {
    inner: B,
    counters: Arc<Counters>,
}

impl<B: Backend> Counted<B> {
    pub(super) fn new(inner: B, counters: Arc<Counters>) -> Self {
        Self { inner, counters }
    }

    fn watch<'a, T: 'a>(
        &'a self,
        request: StoreFuture<'a, T>,
        done: impl FnOnce(&Counters, &T) + Send + 'a,
    ) -> StoreFuture<'a, T> {
        request
            .map(move |result| {
                match &result {
                    Ok(value) => done(&self.counters, value),
                    Err(error) => count_error(&self.counters, error),
                }
                result
            })
            .boxed()
    }
}

fn count_error(counters: &Counters, error: &StoreError) {
    add(
        if error.is_missing() {
            &counters.not_found
        } else {
            &counters.errors
        },
        1,
    );
}

fn len(bytes: &Bytes) -> u64 {
    bytes.len() as u64
}

impl<B: Backend> Backend for Counted<B> {
    fn location(&self) -> &Arc<str> {
        self.inner.location()
    }

    fn put(&self, name: &ObjectName, payload: PutPayload) -> StoreFuture<'_, ()> {
        add(&self.counters.puts, 1);
        let sent = payload.content_length() as u64;
        self.watch(self.inner.put(name, payload), move |c, ()| {
            add(&c.bytes_written, sent);
        })
    }

    fn put_if_absent(&self, name: &ObjectName, payload: PutPayload) -> StoreFuture<'_, Put> {
        add(&self.counters.puts, 1);
        let sent = payload.content_length() as u64;
        self.watch(
            self.inner.put_if_absent(name, payload),
            move |c, put| match put {
                Put::Created => add(&c.bytes_written, sent),
                Put::Exists => add(&c.exists, 1),
            },
        )
    }

    fn get(&self, name: &ObjectName, max_len: u64) -> StoreFuture<'_, Bytes> {
        add(&self.counters.gets, 1);
        self.watch(self.inner.get(name, max_len), |c, bytes| {
            add(&c.bytes_read, len(bytes));
        })
    }

    fn get_range(&self, name: &ObjectName, range: Range<u64>) -> StoreFuture<'_, Bytes> {
        add(&self.counters.gets, 1);
        self.watch(self.inner.get_range(name, range), |c, bytes| {
            add(&c.bytes_read, len(bytes));
        })
    }

    fn get_tail(&self, name: &ObjectName, n: u64) -> StoreFuture<'_, Tail> {
        add(&self.counters.gets, 1);
        self.watch(self.inner.get_tail(name, n), |c, tail| {
            add(&c.bytes_read, len(&tail.bytes));
        })
    }

    fn head(&self, name: &ObjectName) -> StoreFuture<'_, ObjectInfo> {
        add(&self.counters.heads, 1);
        self.watch(self.inner.head(name), |_, _| ())
    }

    fn list(
        &self,
        folder: &Folder,
        after: Option<&ObjectName>,
    ) -> BoxStream<'static, Result<ObjectInfo, StoreError>> {
        add(&self.counters.lists, 1);
        let counters = self.counters.clone();
        let mut on_page = 0;
        self.inner
            .list(folder, after)
            .inspect(move |item| match item {
                Ok(_) if on_page == LIST_PAGE => {
                    add(&counters.lists, 1);
                    on_page = 1;
                }
                Ok(_) => on_page += 1,
                Err(error) => count_error(&counters, error),
            })
            .boxed()
    }

    fn list_folders(&self, folder: &Folder) -> StoreFuture<'_, Vec<Folder>> {
        add(&self.counters.lists, 1);
        self.watch(self.inner.list_folders(folder), |c, folders| {
            add(
                &c.lists,
                (folders.len() as u64).saturating_sub(1) / LIST_PAGE,
            );
        })
    }

    fn delete(&self, names: Vec<ObjectName>) -> StoreFuture<'_, ()> {
        add(&self.counters.deletes, names.len() as u64);
        self.watch(self.inner.delete(names), |_, ()| ())
    }

    fn remove_debris(&self) -> StoreFuture<'_, u64> {
        self.inner.remove_debris()
    }
}
