//! XChaCha20-Poly1305: `HChaCha20` makes a key from the first 16 bytes of the nonce, and
//! ChaCha20-Poly1305 (RFC 8439) seals with it under four zero bytes and the last 8.
//!
//! The inner cipher is that of AWS-LC, which is faster than crate `chacha20poly1305` on processors
//! with vector units (`cargo bench -p orlop-repo --bench seal -- cipher`); a property holds the two equal.

use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce as ShortNonce, UnboundKey};
use chacha20::{R20, hchacha};
use zeroize::Zeroize;

use super::envelope::Nonce;
use super::suite::{CipherError, TAG_LEN, tag_bytes};

/// The key and nonce of the inner cipher for one message.
fn inner(key: &[u8; 32], nonce: &Nonce) -> Result<(LessSafeKey, ShortNonce), CipherError> {
    let (input, rest) = nonce.split_first_chunk::<16>().ok_or(CipherError)?;
    let mut subkey = hchacha::<R20>(&(*key).into(), &(*input).into());
    let inner = UnboundKey::new(&CHACHA20_POLY1305, &subkey);
    subkey.zeroize();
    let mut short = [0; 12];
    let (_, tail) = short.split_at_mut(4);
    tail.copy_from_slice(rest);
    Ok((
        LessSafeKey::new(inner?),
        ShortNonce::assume_unique_for_key(short),
    ))
}

pub(super) fn seal(
    key: &[u8; 32],
    nonce: &Nonce,
    associated: &[u8],
    text: &mut [u8],
) -> Result<[u8; TAG_LEN], CipherError> {
    let (key, nonce) = inner(key, nonce)?;
    let tag = key.seal_in_place_separate_tag(nonce, Aad::from(associated), text)?;
    tag_bytes(tag.as_ref())
}

pub(super) fn open(
    key: &[u8; 32],
    nonce: &Nonce,
    associated: &[u8],
    sealed: &[u8],
    tag: &[u8; TAG_LEN],
    text: &mut [u8],
) -> Result<(), CipherError> {
    let (key, nonce) = inner(key, nonce)?;
    key.open_separate_gather(nonce, Aad::from(associated), sealed, tag, text)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use chacha20poly1305::aead::AeadInOut as _;
    use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305};
    use proptest::prelude::*;

    use super::*;

    /// draft-irtf-cfrg-xchacha-03, appendix A.3.1.
    #[test]
    fn matches_the_published_vector() {
        let mut key = [0; 32];
        key.copy_from_slice(&(0x80..=0x9f).collect::<Vec<u8>>());
        let mut nonce = [0; 24];
        nonce.copy_from_slice(&(0x40..=0x57).collect::<Vec<u8>>());
        let associated = hex::decode("50515253c0c1c2c3c4c5c6c7").unwrap();
        let plain: &[u8] = b"Ladies and Gentlemen of the class of '99: If I could offer you \
            only one tip for the future, sunscreen would be it.";
        let mut text = plain.to_vec();
        let tag = seal(&key, &nonce, &associated, &mut text).unwrap();
        assert_eq!(
            hex::encode(&text),
            "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb\
             731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452\
             2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9\
             21f9664c97637da9768812f615c68b13b52e"
        );
        assert_eq!(hex::encode(tag), "c0875924c1c7987947deafd8780acf49");
        let mut opened = vec![0; plain.len()];
        open(&key, &nonce, &associated, &text, &tag, &mut opened).unwrap();
        assert_eq!(opened, plain);
    }

    proptest! {
        #[test]
        fn equals_the_plain_implementation(
            key: [u8; 32],
            nonce: [u8; 24],
            associated in prop::collection::vec(any::<u8>(), 0..80),
            plain in prop::collection::vec(any::<u8>(), 0..5000),
        ) {
            let mut fast = plain.clone();
            let tag = seal(&key, &nonce, &associated, &mut fast).unwrap();
            let mut slow = plain;
            let reference = XChaCha20Poly1305::new(&key.into())
                .encrypt_inout_detached(&nonce.into(), &associated, slow.as_mut_slice().into())
                .unwrap();
            prop_assert_eq!(fast, slow);
            prop_assert_eq!(&tag[..], &reference[..]);
        }
    }
}
