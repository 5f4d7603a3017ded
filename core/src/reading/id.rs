//! Git's ids of folders and files.

use std::fmt;
use std::hash::{Hash, Hasher};

use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::envelope::BlobId;

/// Git's id of a folder or a file: SHA-1, or SHA-256 in repos that chose that.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id {
    bytes: [u8; 32],
    length: u8,
}

impl Hash for Id {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // It is a hash itself: its beginning tells it from the others.
        let [a, b, c, d, e, f, g, h, ..] = self.bytes;
        state.write_u64(u64::from_le_bytes([a, b, c, d, e, f, g, h]));
    }
}

impl Id {
    /// Reads an id as hosts write it; none for what is none.
    pub(super) fn parse(text: &str) -> Option<Id> {
        let length = text.len() / 2;
        if !(text.len() == 40 || text.len() == 64) {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let [high, low] = pair else { return None };
            *byte = digit(*high)? << 4 | digit(*low)?;
        }
        Some(Id { bytes, length: u8::try_from(length).ok()? })
    }

    /// Its bytes: 20, or 32.
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }

    /// As a snapshot knows it; none where the repo's ids are longer.
    pub(super) fn short(&self) -> Option<BlobId> {
        self.as_bytes().try_into().ok().map(BlobId)
    }

    /// From so many bytes.
    pub(super) fn from_bytes(from: &[u8]) -> Option<Id> {
        let mut bytes = [0; 32];
        bytes.get_mut(..from.len())?.copy_from_slice(from);
        matches!(from.len(), 20 | 32).then_some(Id { bytes, length: u8::try_from(from.len()).ok()? })
    }

    /// The id of a file's bytes, in a repo whose ids are like `like`.
    pub(super) fn of_blob(bytes: &[u8], like: Option<&Id>) -> Id {
        Id::of("blob", bytes, like)
    }

    /// The id of a folder, written as git writes it.
    pub(super) fn of_tree(bytes: &[u8], like: Option<&Id>) -> Id {
        Id::of("tree", bytes, like)
    }

    fn of(kind: &str, bytes: &[u8], like: Option<&Id>) -> Id {
        let header = format!("{kind} {}\0", bytes.len());
        let mut id = Id { bytes: [0; 32], length: like.map_or(20, |like| like.length) };
        if id.length == 20 {
            let hash = Sha1::new().chain_update(header).chain_update(bytes).finalize();
            id.bytes.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
        } else {
            id.bytes = Sha256::new().chain_update(header).chain_update(bytes).finalize().into();
        }
        id
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Id({self})")
    }
}

fn digit(of: u8) -> Option<u8> {
    match of {
        b'0'..=b'9' => Some(of - b'0'),
        b'a'..=b'f' => Some(of - b'a' + 10),
        b'A'..=b'F' => Some(of - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_gits() {
        let hello = Id::of_blob(b"hello\n", None);
        assert_eq!(hello.to_string(), "ce013625030ba8dba906f756967f9e9ca394464a");
        assert_eq!(Id::of_tree(b"", None).to_string(), "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
        assert_eq!(Id::parse(&hello.to_string()), Some(hello));
        assert_eq!(Id::from_bytes(hello.as_bytes()), Some(hello));
        let long = Id::parse(&"ab".repeat(32)).unwrap();
        assert_eq!(
            Id::of_tree(b"", Some(&long)).to_string(),
            "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321"
        );
        let odd = ["", "ab", &"g".repeat(40), &"é".repeat(20), "../../x", &"a".repeat(41)];
        assert!(odd.iter().all(|odd| Id::parse(odd).is_none()));
    }
}
