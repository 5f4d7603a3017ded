//! From a ref, as people and inputs spell it, to the document that it means.
//!
//! Four rules, tried in order (spec: refs, "Resolution"): the document stored at exactly this ref;
//! a link at the ref or at its longest linked prefix; for an empty release the newest one; and
//! `@7`, the old spelling of `@r7`. Intent that names a release by a tag is found under the release's
//! number too, since tags are links in state.
//!
//! ```
//! use ocuroot_core::Ref;
//! use ocuroot_core::envelope::Document;
//! use ocuroot_core::resolve;
//! use ocuroot_core::snapshot::Snapshot;
//!
//! let mut snapshot = Snapshot::empty();
//! snapshot.put(&"s/-/p/@r2".parse()?, Document::new("release.ReleaseInfo", &"two"));
//! snapshot.put(&"s/-/p/@v2".parse()?, Document::link(&"s/-/p/@r2".parse()?));
//! for spelling in ["s/-/p/@r2", "s/-/p/@v2", "s/-/p/@", "s/-/p/@2"] {
//!     let found = resolve::document(&snapshot, &spelling.parse()?).unwrap().unwrap();
//!     assert_eq!(found.reference.as_str(), "s/-/p/@r2");
//! }
//! # Ok::<(), ocuroot_core::RefError>(())
//! ```

use serde_json::Value;

use crate::documents::Input;
use crate::envelope::Document;
use crate::glob::Glob;
use crate::order::Order as _;
use crate::refs::{Kind, Marker, Ref};
use crate::snapshot::{Needs, Snapshot, Unmet, unmet};

/// How many links in a row are followed.
pub const MAX_LINKS: usize = 16;

/// Links that lead in a circle, or on for too long.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("links lead in a circle: {}; delete one of them", .chain.iter().map(Ref::as_str).collect::<Vec<_>>().join(" → "))]
pub struct LinkCycle {
    /// The refs, in the order in which they were followed.
    pub chain: Vec<Ref>,
}

unmet!(LinkCycle => LinkCycle);

/// A document, and where it lies.
#[derive(Clone, Debug, PartialEq)]
pub struct Found<'a> {
    /// Its own ref, without a fragment.
    pub reference: Ref,
    /// The document; never a link.
    pub document: &'a Document,
}

/// The document that `reference` means; its fragment is ignored.
///
/// # Errors
/// What must be loaded, or links that lead in a circle.
pub fn document<'a>(snapshot: &'a Snapshot, reference: &Ref) -> Result<Option<Found<'a>>, Unmet<LinkCycle>> {
    if let Some(found) = linked(snapshot, reference)? {
        return Ok(Some(found));
    }
    if let Some(newest) = in_newest_release(snapshot, reference)?
        && let Some(found) = linked(snapshot, &newest)?
    {
        return Ok(Some(found));
    }
    if let Some(numbered) = numbered(reference)
        && let Some(found) = linked(snapshot, &numbered)?
    {
        return Ok(Some(found));
    }
    match in_tagged_release(snapshot, reference)? {
        Some(tagged) => linked(snapshot, &tagged),
        None => Ok(None),
    }
}

/// The value that `reference` means: the body of its document, or with a fragment the field of it.
/// A field that is null counts as not there.
///
/// # Errors
/// As [`document`].
pub fn value<'a>(snapshot: &'a Snapshot, reference: &Ref) -> Result<Option<&'a Value>, Unmet<LinkCycle>> {
    let Some(found) = document(snapshot, reference)? else { return Ok(None) };
    Ok(found.document.body().and_then(|body| match reference.fragment() {
        Some(fragment) => field(body, fragment),
        None => Some(body),
    }))
}

/// The field of `body` at `/`-separated keys; a number indexes an array. None for null.
#[must_use]
pub fn field<'a>(body: &'a Value, fragment: &str) -> Option<&'a Value> {
    let found =
        fragment.split('/').filter(|key| !key.is_empty()).try_fold(body, |value, key| match value {
            Value::Array(items) => items.get(key.parse::<usize>().ok()?),
            Value::Object(fields) => fields.get(key),
            _ => None,
        })?;
    (!found.is_null()).then_some(found)
}

/// The value of an input: what its ref means now, else the value it had before, else its default.
/// None where all of that is missing. Null counts as missing everywhere, as it does in a field.
///
/// # Errors
/// What must be loaded. A ref that cannot be followed counts as not there.
pub fn input(snapshot: &Snapshot, input: &Input) -> Result<Option<Value>, Needs> {
    let by_ref = match input.source.as_deref().map(str::parse::<Ref>) {
        Some(Ok(source)) => by_ref(snapshot, &source)?,
        _ => None,
    };
    Ok(by_ref
        .or_else(|| input.value.clone())
        .or_else(|| input.default.clone())
        .filter(|value| !value.is_null()))
}

/// What an input that comes from `source` has for a value, if there is one now.
///
/// # Errors
/// As [`input`].
pub(crate) fn by_ref(snapshot: &Snapshot, source: &Ref) -> Result<Option<Value>, Needs> {
    match value(snapshot, source) {
        Ok(found) => Ok(found.filter(|value| !value.is_null()).map(|value| as_input(source, value))),
        Err(Unmet::Needs(needs)) => Err(needs),
        Err(Unmet::Error(LinkCycle { .. })) => Ok(None),
    }
}

/// A value as functions get it: an environment always has attributes, and if there are none.
fn as_input(source: &Ref, value: &Value) -> Value {
    let mut value = value.clone();
    if source.kind() == Some(Kind::Environment)
        && source.fragment().is_none()
        && let Value::Object(fields) = &mut value
        && fields.get("attributes").is_none_or(Value::is_null)
    {
        fields.insert("attributes".to_owned(), Value::Object(serde_json::Map::new()));
    }
    value
}

/// Where a write or delete of `reference` goes: through a linked prefix and through the old
/// spelling of a release number. Intent is written as it is spelled.
///
/// # Errors
/// As [`document`].
pub fn for_write(snapshot: &Snapshot, reference: &Ref) -> Result<Ref, Unmet<LinkCycle>> {
    if reference.marker() == Some(Marker::Intent) || snapshot.exists(reference)? {
        return Ok(reference.document());
    }
    let (through_links, _) = follow(snapshot, reference)?;
    if through_links != reference.document() {
        return Ok(through_links);
    }
    if let Some(numbered) = numbered(reference)
        && snapshot.exists(&numbered.release_ref())?
        && !snapshot.exists(&reference.release_ref())?
    {
        return Ok(numbered);
    }
    Ok(reference.document())
}

/// The release that a ref stands in, by number: `…/@v2/custom/x` is in `…/@r2`. A release that
/// is not there stays as it is spelled.
///
/// # Errors
/// What must be loaded.
pub fn release(snapshot: &Snapshot, reference: &Ref) -> Result<Ref, Needs> {
    let spelled = reference.release_ref().to_state();
    if spelled.release_number().is_some() {
        return Ok(spelled);
    }
    match document(snapshot, &spelled) {
        Ok(Some(found)) => Ok(found.reference),
        Ok(None) | Err(Unmet::Error(LinkCycle { .. })) => Ok(spelled),
        Err(Unmet::Needs(needs)) => Err(needs),
    }
}

/// A package's newest release: the one with the highest number. Reads one listing and, mostly, one
/// document.
///
/// # Errors
/// What must be loaded.
pub fn newest_release(snapshot: &Snapshot, package: &Ref) -> Result<Option<Ref>, Needs> {
    let entries = snapshot.children(Marker::State, package.as_str())?;
    let mut releases: Vec<Ref> = entries
        .into_iter()
        .filter_map(|entry| package.with_release(entry.strip_prefix('@')?).ok())
        .filter(|release| release.release_number().is_some())
        .collect();
    releases.order_by_key(|release| std::cmp::Reverse(release.release_number()));
    for release in releases {
        // A folder `@r5` may hold nothing but custom state of a release that was never made.
        if snapshot.exists(&release)? {
            return Ok(Some(release));
        }
    }
    Ok(None)
}

/// An intent ref with the number of the release that it names by a tag; none where it names none.
fn in_tagged_release(snapshot: &Snapshot, reference: &Ref) -> Result<Option<Ref>, Needs> {
    let is_tag = reference.release().is_some_and(|name| !name.is_empty()) && !reference.is_global();
    if reference.marker() != Some(Marker::Intent) || !is_tag || reference.release_number().is_some() {
        return Ok(None);
    }
    let number = release(snapshot, reference)?.release_number();
    Ok(number.and_then(|number| reference.document().with_release(&format!("r{number}")).ok()))
}

/// Rules 1 and 2.
fn linked<'a>(snapshot: &'a Snapshot, reference: &Ref) -> Result<Option<Found<'a>>, Unmet<LinkCycle>> {
    let (reference, document) = follow(snapshot, reference)?;
    Ok(document.map(|document| Found { reference, document }))
}

/// Follows links from `reference` to where they end: a document with a body, or a ref with nothing.
fn follow<'a>(
    snapshot: &'a Snapshot,
    reference: &Ref,
) -> Result<(Ref, Option<&'a Document>), Unmet<LinkCycle>> {
    let mut chain = vec![reference.document()];
    loop {
        let here = chain.last().cloned().unwrap_or_else(|| reference.document());
        let Some(next) = step(snapshot, &here)? else {
            let document = snapshot.get(&here)?.filter(|document| document.target().is_none());
            return Ok((here, document));
        };
        let circle = chain.contains(&next);
        chain.push(next);
        if circle || chain.len() > MAX_LINKS {
            return Err(LinkCycle { chain }.into());
        }
    }
}

/// Where the link at `here`, or at its longest linked prefix, leads; none when `here` has a body
/// of its own or no prefix of it is a link.
fn step(snapshot: &Snapshot, here: &Ref) -> Result<Option<Ref>, Needs> {
    // Mostly the document itself is there, and then nobody has to read those above it.
    if let Some(document) = snapshot.get(here)? {
        return Ok(document.target().map(|target| beside(here, target)));
    }
    let mut needs = Needs::default();
    let mut rest = String::new();
    let mut prefix = parent(here, &mut rest);
    while let Some(current) = prefix {
        if let Some(Some(document)) = needs.take(snapshot.get(&current))
            && let (true, Some(target)) = (needs.is_empty(), document.target())
        {
            return Ok(beside(here, target).child(&rest).ok());
        }
        prefix = parent(&current, &mut rest);
    }
    needs.settle(None)
}

/// `target` in the store that `here` lies in.
fn beside(here: &Ref, target: &Ref) -> Ref {
    if here.marker() == Some(Marker::Intent) { target.to_intent() } else { target.clone() }
}

/// The ref one segment up, down to the release; what was cut off goes in front of `rest`.
fn parent(reference: &Ref, rest: &mut String) -> Option<Ref> {
    reference.kind()?;
    let (up, last) = reference.as_str().rsplit_once('/')?;
    if rest.is_empty() {
        last.clone_into(rest);
    } else {
        *rest = format!("{last}/{rest}");
    }
    // `p/@/deploy` is no ref, since a type needs a subpath; two segments go at once.
    up.parse().ok().or_else(|| {
        let (up, kind) = up.rsplit_once('/')?;
        *rest = format!("{kind}/{rest}");
        up.parse().ok()
    })
}

/// Rule 3: for the release document, its commits and its ops.
fn in_newest_release(snapshot: &Snapshot, reference: &Ref) -> Result<Option<Ref>, Needs> {
    let applies = reference.marker() == Some(Marker::State)
        && reference.release() == Some("")
        && !reference.is_global()
        && matches!(reference.kind(), None | Some(Kind::Commit | Kind::Op));
    if !applies {
        return Ok(None);
    }
    let newest = newest_release(snapshot, &reference.package())?;
    Ok(newest.and_then(|newest| reference.document().with_release(newest.release()?).ok()))
}

/// Rule 4: `@7` as `@r7`.
fn numbered(reference: &Ref) -> Option<Ref> {
    let release = reference.release()?;
    let numeric = !release.is_empty() && release.bytes().all(|byte| byte.is_ascii_digit());
    if !numeric || reference.marker() != Some(Marker::State) {
        return None;
    }
    reference.document().with_release(&format!("r{release}")).ok()
}

/// The ref of a stored document that looks most like `reference`, for "did you mean": in the same
/// package where there is any, by the longest common start.
///
/// # Errors
/// What must be loaded.
pub fn nearest(snapshot: &Snapshot, reference: &Ref) -> Result<Option<Ref>, Needs> {
    let intent = reference.marker() == Some(Marker::Intent);
    let near = if reference.is_global() { String::new() } else { reference.package().to_string() };
    let pattern = match (near.as_str(), intent) {
        ("", false) => "@*/**".to_owned(),
        ("", true) => "+*/**".to_owned(),
        (package, false) => format!("{}/@*{{,/**}}", Glob::escape(package)),
        (package, true) => format!("{}/+*{{,/**}}", Glob::escape(package)),
    };
    let Ok(glob) = Glob::new(&pattern) else { return Ok(None) };
    let wanted = reference.document();
    let common = |other: &Ref| {
        let (a, b) = (other.as_str().as_bytes(), wanted.as_str().as_bytes());
        let start = a.iter().zip(b).take_while(|(a, b)| a == b).count();
        let end = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
        (start + end, std::cmp::Reverse(other.as_str().len()))
    };
    Ok(snapshot.search(&glob)?.into_iter().filter(|other| *other != wanted).max_by_key(common))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn store(documents: &[(&str, &str)]) -> Snapshot {
        let mut snapshot = Snapshot::empty();
        for (at, content) in documents {
            let document = match content.strip_prefix("-> ") {
                Some(target) => Document::link(&target.parse().unwrap()),
                None => Document::new("x", &serde_json::from_str::<Value>(content).unwrap()),
            };
            snapshot.put(&at.parse().unwrap(), document);
        }
        snapshot
    }

    #[test]
    fn a_ref_means_what_the_four_rules_say() {
        let snapshot = store(&[
            ("s/-/p/@r2", "2"),
            ("s/-/p/@r12", "12"),
            ("s/-/p/@r12/commit/abc", "\"commit\""),
            ("s/-/p/@r2/task/build", r#"{"output":{"image":"a","list":[1,{"x":null}],"none":null}}"#),
            ("s/-/p/@r2/task/build/1", "\"run\""),
            ("s/-/p/@v2", "-> s/-/p/@r2"),
            ("s/-/p/@latest", "-> s/-/p/@v2"),
            ("s/-/p/@/task/build", "-> s/-/p/@r2/task/build"),
            ("s/-/p/@r12/deploy/x", "\"gone\""),
            ("s/-/p/@/custom/c", "\"own\""),
            ("s/-/p/+r2/custom/i", "\"by number\""),
            ("s/-/p/+v2/custom/j", "\"by tag\""),
            ("+/environment/prod", "\"intent\""),
            ("@/environment/prod", "\"state\""),
        ]);
        for (spelling, expected) in [
            ("s/-/p/@r2", json!(2)),
            ("s/-/p/@v2", json!(2)),
            ("s/-/p/@latest", json!(2)),
            ("s/-/p/@", json!(12)),
            ("s/-/p/@2", json!(2)),
            ("s/-/p/@/commit/abc", json!("commit")),
            ("s/-/p/@v2/task/build/1", json!("run")),
            ("s/-/p/@latest/task/build#output/image", json!("a")),
            ("s/-/p/@/task/build/1", json!("run")),
            ("s/-/p/@/task/build#output/list/0", json!(1)),
            ("s/-/p/@/task/build#output/list/1/x", Value::Null),
            ("s/-/p/@/task/build#output/list/9", Value::Null),
            ("s/-/p/@/task/build#output/none", Value::Null),
            ("s/-/p/@/task/build#output/image/deeper", Value::Null),
            ("s/-/p/@/deploy/x", Value::Null),
            ("s/-/p/@/custom/c", json!("own")),
            ("s/-/p/@/custom/d", Value::Null),
            ("s/-/p/@r3", Value::Null),
            ("s/-/q/@", Value::Null),
            ("s/-/p/+v2/custom/i", json!("by number")),
            ("s/-/p/+latest/custom/i", json!("by number")),
            ("s/-/p/+v2/custom/j", json!("by tag")),
            ("s/-/p/+r2/custom/j", Value::Null),
            ("s/-/p/+v3/custom/i", Value::Null),
            ("+/environment/prod", json!("intent")),
            ("@/environment/prod", json!("state")),
        ] {
            let found = value(&snapshot, &spelling.parse().unwrap()).unwrap();
            assert_eq!(found.cloned().unwrap_or(Value::Null), expected, "{spelling}");
        }
    }

    #[test]
    fn writes_go_through_tags_and_old_numbers() {
        let snapshot = store(&[("s/-/p/@r1", "1"), ("s/-/p/@v1", "-> s/-/p/@r1")]);
        for (spelling, expected) in [
            ("s/-/p/@v1/custom/x", "s/-/p/@r1/custom/x"),
            ("s/-/p/@1/custom/x", "s/-/p/@r1/custom/x"),
            ("s/-/p/@r1/custom/x", "s/-/p/@r1/custom/x"),
            ("s/-/p/@/custom/x", "s/-/p/@/custom/x"),
            ("s/-/p/@5/custom/x", "s/-/p/@5/custom/x"),
            ("s/-/p/+v1/custom/x", "s/-/p/+v1/custom/x"),
        ] {
            assert_eq!(for_write(&snapshot, &spelling.parse().unwrap()).unwrap().as_str(), expected);
        }
    }

    #[test]
    fn a_circle_of_links_is_an_error_that_prints_it() {
        let snapshot = store(&[("s/-/p/@a", "-> s/-/p/@b"), ("s/-/p/@b", "-> s/-/p/@a")]);
        let Err(Unmet::Error(error)) = document(&snapshot, &"s/-/p/@a".parse().unwrap()) else {
            panic!("no error");
        };
        assert_eq!(
            error.to_string(),
            "links lead in a circle: s/-/p/@a → s/-/p/@b → s/-/p/@a; delete one of them"
        );
    }

    #[test]
    fn an_input_takes_ref_then_old_value_then_default() {
        let snapshot = store(&[("@/custom/a", "1"), ("@/custom/null", "null")]);
        let input_of = |json: Value| serde_json::from_value::<Input>(json).unwrap();
        for (given, expected) in [
            (json!({"ref": "@/custom/a", "value": 0, "default": 2}), Some(json!(1))),
            (json!({"ref": "@/custom/b", "value": 0, "default": 2}), Some(json!(0))),
            (json!({"ref": "@/custom/b", "default": 2}), Some(json!(2))),
            (json!({"ref": "@/custom/b"}), None),
            (json!({"ref": "@/custom/null"}), None),
            (json!({"ref": "@/custom/null", "default": 2}), Some(json!(2))),
            (json!({"ref": "@/custom/null", "value": 0, "default": 2}), Some(json!(0))),
            (json!({"ref": "not//a ref"}), None),
            (json!({"default": 4}), Some(json!(4))),
        ] {
            assert_eq!(input(&snapshot, &input_of(given.clone())).unwrap(), expected, "{given}");
        }
    }

    #[test]
    fn only_where_nothing_is_what_is_above_is_asked_for_and_all_at_once() {
        let mut snapshot = Snapshot::default();
        let wanted: Ref = "s/-/p/@v1/task/a/1".parse().unwrap();
        let asked = |snapshot: &Snapshot| {
            let Err(Unmet::Needs(needs)) = document(snapshot, &wanted) else { panic!("no needs") };
            needs.bodies.iter().map(Ref::to_string).collect::<Vec<_>>()
        };
        assert_eq!(asked(&snapshot), ["s/-/p/@v1/task/a/1"]);
        snapshot.load(&wanted, None);
        assert_eq!(asked(&snapshot), ["s/-/p/@v1", "s/-/p/@v1/task/a"]);
        snapshot.load(&"s/-/p/@v1/task/a".parse().unwrap(), None);
        snapshot.load(&"s/-/p/@v1".parse().unwrap(), None);
        assert!(document(&snapshot, &wanted).unwrap().is_none());
    }

    #[test]
    fn a_ref_that_is_not_there_has_a_nearest_one() {
        let snapshot =
            store(&[("s/-/p/@r1/task/build", "1"), ("s/-/p/@r1/task/test", "1"), ("s/-/q/@r1", "1")]);
        let near = nearest(&snapshot, &"s/-/p/@r1/task/biuld".parse().unwrap()).unwrap();
        assert_eq!(near.unwrap().as_str(), "s/-/p/@r1/task/build");
    }
}
