//! Buffers that a thread keeps, so that sealing a block allocates only its result.

use std::cell::RefCell;

/// Two buffers of one thread; what is in them between uses means nothing.
#[derive(Default)]
pub(crate) struct Scratch {
    /// Parts put together before compression, or plaintext after decryption.
    pub(crate) text: Vec<u8>,
    /// A body after decompression.
    pub(crate) body: Vec<u8>,
}

/// A buffer above this many bytes is freed after use: twice the bound of a block.
const KEPT: usize = 4 << 20;

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Lends this thread's buffers. A nested call gets fresh ones.
pub(crate) fn with_scratch<R>(work: impl FnOnce(&mut Scratch) -> R) -> R {
    SCRATCH.with(|scratch| match scratch.try_borrow_mut() {
        Ok(mut scratch) => {
            let scratch = &mut *scratch;
            let result = work(scratch);
            for buffer in [&mut scratch.text, &mut scratch.body] {
                if buffer.capacity() > KEPT {
                    *buffer = Vec::new();
                }
            }
            result
        }
        Err(_) => work(&mut Scratch::default()),
    })
}
