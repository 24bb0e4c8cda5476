//! What a decoder may allocate.

/// Watches what a decoder allocates. Whoever has an allocator that counts gives it its functions.
#[derive(Clone, Copy, Debug)]
pub struct Gauge {
    /// Called before a decoder runs: starts counting.
    pub begin: fn(),
    /// Called after it, with the most bytes that it may have held at a time.
    pub end: fn(usize),
}

impl Gauge {
    /// Watches nothing.
    pub const NONE: Self = Self {
        begin: || {},
        end: |_| {},
    };

    /// What any decoder may take: buffers and tables that it makes once.
    const CONSTANT: usize = 64 << 10;

    /// Bytes that a byte of input may become. The worst that the format has is a list of empty
    /// texts: each is a byte, and a `String` of 24, and a `Vec` that grows holds its items up to
    /// three times. The nodes of maps and sets are half full at the least and stay below that.
    /// The rest is for the platform's rounding.
    const FACTOR: usize = 128;

    /// Bytes that a byte of a zstd frame may become: a block of 128 KiB of equal bytes has four.
    const INFLATED: usize = 32 << 10;

    /// Runs a decoder of `len` bytes.
    pub(crate) fn decode<T>(&self, len: usize, decode: impl FnOnce() -> T) -> T {
        self.within(Self::CONSTANT + Self::FACTOR * len, decode)
    }

    /// Runs a decoder of `len` bytes that may be compressed.
    pub(crate) fn inflate<T>(&self, len: usize, decode: impl FnOnce() -> T) -> T {
        self.within(Self::CONSTANT + Self::INFLATED * len, decode)
    }

    fn within<T>(&self, most: usize, decode: impl FnOnce() -> T) -> T {
        (self.begin)();
        let decoded = decode();
        (self.end)(most);
        decoded
    }
}
