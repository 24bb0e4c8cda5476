//! XAES-256-GCM (<https://c2sp.org/XAES-256-GCM>): two blocks of AES-256 make a key from the first
//! 12 bytes of the nonce, and AES-256-GCM seals with it under the last 12.
//!
//! The derivation is the counter mode KDF of NIST SP 800-108 with CMAC, for one fixed length: the
//! message is one whole block, so only the first of CMAC's two subkeys is needed.

use aes::Aes256;
use aes::cipher::{BlockCipherEncrypt as _, KeyInit as _};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce as ShortNonce, UnboundKey};
use zeroize::Zeroizing;

use super::envelope::Nonce;
use super::suite::{CipherError, TAG_LEN, tag_bytes};

/// A key with its AES key schedule and CMAC subkey. Both are wiped when dropped.
pub(crate) struct Xaes {
    cipher: Aes256,
    subkey: Zeroizing<[u8; 16]>,
}

impl Xaes {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        let cipher = Aes256::new(&(*key).into());
        let mut zero = [0; 16].into();
        cipher.encrypt_block(&mut zero);
        // Doubling in GF(2^128): the reduction is the constant of CMAC for 128-bit blocks.
        let block = Zeroizing::new(<[u8; 16]>::from(zero));
        let mut subkey = Zeroizing::new([0; 16]);
        let mut carry = 0;
        for (out, byte) in subkey.iter_mut().zip(block.iter()).rev() {
            *out = (byte << 1) | carry;
            carry = byte >> 7;
        }
        if let Some(last) = subkey.last_mut() {
            *last ^= 0x87 * carry;
        }
        Self { cipher, subkey }
    }

    /// The key of AES-256-GCM for nonces that begin with `prefix`.
    fn derive(&self, prefix: &[u8; 12]) -> Zeroizing<[u8; 32]> {
        let mut derived = Zeroizing::new([0; 32]);
        let (halves, _) = derived.as_chunks_mut::<16>();
        for (counter, half) in (1..).zip(halves) {
            // Counter of 16 bits, label "X", zero, context.
            let header = [0, counter, b'X', 0];
            for ((out, byte), mask) in half
                .iter_mut()
                .zip(header.iter().chain(prefix))
                .zip(self.subkey.iter())
            {
                *out = byte ^ mask;
            }
            let mut block = (*half).into();
            self.cipher.encrypt_block(&mut block);
            *half = block.into();
        }
        derived
    }

    /// The key and nonce of the inner cipher for one message.
    fn inner(&self, nonce: &Nonce) -> Result<(LessSafeKey, ShortNonce), CipherError> {
        let (prefix, rest) = nonce.split_first_chunk::<12>().ok_or(CipherError)?;
        let key = UnboundKey::new(&AES_256_GCM, &self.derive(prefix)[..])?;
        Ok((
            LessSafeKey::new(key),
            ShortNonce::try_assume_unique_for_key(rest)?,
        ))
    }

    pub(super) fn seal(
        &self,
        nonce: &Nonce,
        associated: &[u8],
        text: &mut [u8],
    ) -> Result<[u8; TAG_LEN], CipherError> {
        let (key, nonce) = self.inner(nonce)?;
        let tag = key.seal_in_place_separate_tag(nonce, Aad::from(associated), text)?;
        tag_bytes(tag.as_ref())
    }

    pub(super) fn open(
        &self,
        nonce: &Nonce,
        associated: &[u8],
        sealed: &[u8],
        tag: &[u8; TAG_LEN],
        text: &mut [u8],
    ) -> Result<(), CipherError> {
        let (key, nonce) = self.inner(nonce)?;
        key.open_separate_gather(nonce, Aad::from(associated), sealed, tag, text)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors of <https://c2sp.org/XAES-256-GCM>: with the top bit of the block of zeros
    /// clear and set, so with and without the reduction.
    const VECTORS: [(u8, &str, &str, &str); 2] = [
        (
            0x01,
            "",
            "c8612c9ed53fe43e8e005b828a1631a0bbcb6ab2f46514ec4f439fcfd0fa969b",
            "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271",
        ),
        (
            0x03,
            "c2sp.org/XAES-256-GCM",
            "e9c621d4cdd9b11b00a6427ad7e559aeedd66b3857646677748f8ca796cb3fd8",
            "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d",
        ),
    ];

    #[test]
    fn matches_the_published_vectors() {
        for (byte, associated, derived, expected) in VECTORS {
            let xaes = Xaes::new(&[byte; 32]);
            assert_eq!(hex::encode(&xaes.derive(b"ABCDEFGHIJKL")[..]), derived);
            let nonce = b"ABCDEFGHIJKLMNOPQRSTUVWX";
            let mut text = b"XAES-256-GCM".to_vec();
            let tag = xaes.seal(nonce, associated.as_bytes(), &mut text).unwrap();
            assert_eq!(hex::encode(&text) + &hex::encode(tag), expected);
            let mut opened = [0; 12];
            xaes.open(nonce, associated.as_bytes(), &text, &tag, &mut opened)
                .unwrap();
            assert_eq!(&opened, b"XAES-256-GCM");
        }
    }
}
