//! A ref as text: every conversion and comparison goes by the canonical spelling.

use super::{Kind, Marker, Ref, RefError, RefErrorKind, parse};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

impl FromStr for Ref {
    type Err = RefError;

    fn from_str(text: &str) -> Result<Ref, RefError> {
        parse::parse(text)
    }
}

impl TryFrom<&str> for Ref {
    type Error = RefError;

    fn try_from(text: &str) -> Result<Ref, RefError> {
        parse::parse(text)
    }
}

impl TryFrom<String> for Ref {
    type Error = RefError;

    fn try_from(text: String) -> Result<Ref, RefError> {
        parse::parse(&text)
    }
}

impl From<Ref> for String {
    fn from(of: Ref) -> String {
        of.text.into()
    }
}

impl fmt::Display for Ref {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl fmt::Debug for Ref {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ref({:?})", self.text)
    }
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Kind {
    type Err = RefError;

    fn from_str(name: &str) -> Result<Kind, RefError> {
        Kind::from_name(name).ok_or_else(|| RefError::new(RefErrorKind::UnknownType, name, 0, name))
    }
}

impl PartialEq for Ref {
    fn eq(&self, other: &Ref) -> bool {
        self.text == other.text
    }
}

impl Eq for Ref {}

impl PartialOrd for Ref {
    fn partial_cmp(&self, other: &Ref) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ref {
    fn cmp(&self, other: &Ref) -> Ordering {
        self.text.cmp(&other.text)
    }
}

impl Hash for Ref {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl Borrow<str> for Ref {
    fn borrow(&self) -> &str {
        &self.text
    }
}

impl AsRef<str> for Ref {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

impl Serialize for Ref {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Ref {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Ref, D::Error> {
        struct Text;

        impl de::Visitor<'_> for Text {
            type Value = Ref;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a ref, like `github.com/o/r/-/release.ocu.star/@r1/task/build`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Ref, E> {
                parse::parse(text).map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Text)
    }
}
