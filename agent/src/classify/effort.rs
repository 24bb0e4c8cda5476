//! How hard the content of a file is compressed.

use super::Class;
use super::database;
use super::head::Head;

/// What compressing a file's content may cost.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Effort {
    /// Next to nothing: what most likely does not compress is only sampled.
    Least,
    /// Little.
    Fast,
    /// Some: disk images and devices, of which changed blocks are stored again, and which hold
    /// everything.
    Moderate,
    /// More, for what is stored again and again: pages of databases and their logs.
    Thorough,
}

/// The effort for a file of which `head` are the first bytes.
pub fn effort(class: Class, head: &[u8]) -> Effort {
    if class == Class::Database || database::is_log(Head(head)) {
        Effort::Thorough
    } else if class == Class::Paged {
        Effort::Moderate
    } else if class == Class::Dense {
        Effort::Least
    } else {
        Effort::Fast
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn databases_their_logs_and_images_are_worth_it() {
        assert_eq!(effort(Class::Database, &[]), Effort::Thorough);
        assert_eq!(effort(Class::Paged, &[]), Effort::Moderate);
        assert_eq!(effort(Class::General, &[]), Effort::Fast);
        assert_eq!(effort(Class::Whole, &[]), Effort::Fast);
        assert_eq!(effort(Class::Dense, &[]), Effort::Least);
        let mut log = vec![0; 64];
        log[..4].copy_from_slice(&[0x10, 0xd1, 0x02, 0x00]);
        assert_eq!(effort(Class::General, &log), Effort::Fast, "no page size");
        log[34] = 0x00;
        log[32..36].copy_from_slice(&(16_u32 << 20).to_le_bytes());
        log[36..40].copy_from_slice(&8192_u32.to_le_bytes());
        assert_eq!(effort(Class::General, &log), Effort::Thorough);
    }
}
