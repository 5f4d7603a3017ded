//! Reads a ref: the document part segment by segment, then the fragment. Text in, text and offsets out.

use super::error::Problem;
use super::{Kind, Marker, Parts, Ref, RefError, RefErrorKind as E};

/// Reads `input` and puts it into its canonical spelling.
pub(super) fn parse(input: &str) -> Result<Ref, RefError> {
    read(input).map_err(|problem| problem.of(input))
}

/// Checks the name of a release, which is all that follows the marker in its segment.
pub(super) fn release(name: &str, offset: usize) -> Result<(), Problem<'_>> {
    let problem = |kind| Err(Problem { kind, part: name, offset });
    if name.starts_with('+') || name.contains('@') {
        problem(E::TwoMarkers)
    } else if name.contains(char::is_whitespace) {
        problem(E::SpaceInRelease)
    } else if name.contains(['/', '#']) {
        problem(E::InvalidRelease)
    } else {
        Ok(())
    }
}

/// The document part as it was spelled, with everything found in it.
struct Document {
    /// What replaces the first `skip` bytes of the input.
    prefix: &'static str,
    skip: usize,
    /// The end, without a trailing slash.
    end: usize,
    /// Offsets in the input.
    at: Parts,
    /// The type was spelled `call`, and starts here.
    call: Option<usize>,
}

fn read(input: &str) -> Result<Ref, Problem<'_>> {
    if input.len() > Ref::MAX_LEN {
        return Err(Problem { kind: E::TooLong, part: input, offset: 0 });
    }
    characters(input)?;
    let (document, fragment) = match input.split_once('#') {
        Some((document, fragment)) => (document, self::fragment(fragment, document.len() + 1)?),
        None => (input, ""),
    };
    let Document { prefix, skip, end, at, call } = self::document(document)?;

    let joint = if fragment.is_empty() { "" } else { "#" };
    let body = document.get(skip..end).unwrap_or_default();
    let (before, task, after) = match call {
        Some(start) => (
            document.get(skip..start).unwrap_or_default(),
            Kind::Task.as_str(),
            document.get(start + "call".len()..end).unwrap_or_default(),
        ),
        None => (body, "", ""),
    };
    let len = prefix.len() + body.len() + joint.len() + fragment.len();
    if len > Ref::MAX_LEN {
        return Err(Problem { kind: E::TooLong, part: input, offset: 0 });
    }
    let text: Box<str> = if skip == 0 && len == input.len() && call.is_none() {
        input.into()
    } else {
        [prefix, before, task, after, joint, fragment].concat().into()
    };
    Ok(Ref { text, at })
}

/// Refuses what no part of a ref may hold.
fn characters(input: &str) -> Result<(), Problem<'_>> {
    let plain =
        input.bytes().fold(true, |plain, byte| plain & (b' '..0x7f).contains(&byte) & (byte != b'\\'));
    if plain {
        return Ok(());
    }
    for (offset, c) in input.char_indices() {
        let kind = match c {
            '\\' => E::Backslash,
            c if c.is_control() => E::ControlCharacter,
            _ => continue,
        };
        return Err(Problem {
            kind,
            part: input.get(offset..offset + c.len_utf8()).unwrap_or_default(),
            offset,
        });
    }
    Ok(())
}

fn fragment(spelled: &str, offset: usize) -> Result<&str, Problem<'_>> {
    let fragment = without_trailing_slash(spelled, offset)?;
    let mut start = offset;
    for key in fragment.split('/') {
        // An empty key is a key like any other in JSON, so it is no empty segment.
        if !key.is_empty() {
            name(key, start)?;
        }
        if key.starts_with('@') {
            return Err(Problem { kind: E::LeadingAt, part: key, offset: start });
        }
        start += key.len() + 1;
    }
    Ok(fragment)
}

fn document(spelled: &str) -> Result<Document, Problem<'_>> {
    let rooted = spelled.starts_with("//");
    if spelled.starts_with('/') && !rooted {
        return Err(Problem { kind: E::LeadingSlash, part: "/", offset: 0 });
    }
    let body = without_trailing_slash(spelled, 0)?;
    let skip = if rooted { 2 } else { 0 };
    let reader = Reader::new(skip, rooted);
    reader.read(body)
}

/// What the next segment may be.
#[derive(Clone, Copy, PartialEq)]
enum Expect {
    /// A segment of the repo or the path, `-`, or the release.
    Path,
    Type,
    Subpath,
}

/// A segment, and what was seen in it while looking for its end.
#[derive(Clone, Copy)]
struct Segment<'a> {
    text: &'a str,
    has_at: bool,
    has_equals: bool,
}

impl Segment<'_> {
    fn first(text: &str) -> Segment<'_> {
        let (mut has_at, mut has_equals) = (false, false);
        let end = text.bytes().position(|byte| {
            has_at |= byte == b'@';
            has_equals |= byte == b'=';
            byte == b'/'
        });
        Segment { text: end.and_then(|end| text.get(..end)).unwrap_or(text), has_at, has_equals }
    }
}

struct Reader {
    rooted: bool,
    /// The text starts with a `.` segment.
    dot: bool,
    skip: usize,
    expect: Expect,
    /// In the input; `Parts` are made of them at the end.
    repo_end: usize,
    path_start: usize,
    path_end: usize,
    marker: Option<(usize, Marker)>,
    release_end: usize,
    kind: Option<(Kind, usize)>,
    call: Option<usize>,
}

impl Reader {
    fn new(skip: usize, rooted: bool) -> Reader {
        Reader {
            rooted,
            dot: false,
            skip,
            expect: Expect::Path,
            repo_end: 0,
            path_start: skip,
            path_end: skip,
            marker: None,
            release_end: 0,
            kind: None,
            call: None,
        }
    }

    fn read(mut self, body: &str) -> Result<Document, Problem<'_>> {
        let mut start = self.skip;
        let mut left = body.get(start..).filter(|rest| !rest.is_empty());
        while let Some(rest) = left {
            let segment = Segment::first(rest);
            match self.expect {
                Expect::Path => self.path_segment(body, segment, start)?,
                Expect::Type => self.type_segment(segment.text, start)?,
                Expect::Subpath => self.subpath_segment(segment, start)?,
            }
            let end = segment.text.len() + 1;
            left = rest.get(end..);
            start += end;
        }
        self.finish(body)
    }

    fn path_segment<'a>(
        &mut self,
        body: &'a str,
        segment: Segment<'a>,
        start: usize,
    ) -> Result<(), Problem<'a>> {
        let Segment { text: segment, has_at, .. } = segment;
        let problem = |kind| Err(Problem { kind, part: segment, offset: start });
        let end = start + segment.len();
        match segment.as_bytes().first() {
            Some(b'.') if segment == "." && start == 0 => self.dot = true,
            Some(b'-') if segment == "-" => {
                if self.rooted || self.repo_end > 0 || start == 0 {
                    return problem(E::DashSegment);
                }
                if self.dot && start > 2 {
                    return Err(Problem { kind: E::DotSegment, part: ".", offset: 0 });
                }
                self.dot = false;
                self.repo_end = start - 1;
                self.path_start = end + 1;
                self.path_end = end + 1;
                return Ok(());
            }
            Some(b'@' | b'+') => {
                length(segment, start)?;
                let (name, marker) = match segment.strip_prefix('@') {
                    Some(name) => (name, Marker::State),
                    None => (segment.get(1..).unwrap_or_default(), Marker::Intent),
                };
                release(name, start).map_err(|Problem { kind, .. }| Problem {
                    kind,
                    part: segment,
                    offset: start,
                })?;
                self.marker = Some((start, marker));
                self.release_end = end;
                self.expect = Expect::Type;
                return Ok(());
            }
            None if start > 0 && body.get(..start).is_some_and(is_scheme) => {
                let part = body.get(..=start).unwrap_or_default();
                return Err(Problem { kind: E::Scheme, part, offset: 0 });
            }
            _ => {
                name(segment, start)?;
                if has_at {
                    return problem(E::AtInPath);
                }
                if self.dot && start == 2 {
                    if Kind::from_name(segment).is_some() {
                        self.path_end = 1;
                        return self.type_segment(segment, start);
                    }
                    // `./p` is `p`: both are joined to the path of whatever they are relative to.
                    self.skip = 2;
                    self.path_start = 2;
                }
            }
        }
        self.path_end = end;
        Ok(())
    }

    fn type_segment<'a>(&mut self, segment: &'a str, start: usize) -> Result<(), Problem<'a>> {
        match Kind::from_name(segment) {
            Some(kind) => {
                self.kind = Some((kind, start));
                self.call = (segment == "call").then_some(start);
                self.expect = Expect::Subpath;
                Ok(())
            }
            None => {
                self.dash(segment, start)?;
                name(segment, start)?;
                let kind = if segment.starts_with(['@', '+']) { E::TwoMarkers } else { E::UnknownType };
                Err(Problem { kind, part: segment, offset: start })
            }
        }
    }

    fn subpath_segment<'a>(&mut self, segment: Segment<'a>, start: usize) -> Result<(), Problem<'a>> {
        let Segment { text: segment, has_equals, .. } = segment;
        self.dash(segment, start)?;
        name(segment, start)?;
        let problem = |kind| Err(Problem { kind, part: segment, offset: start });
        if segment.starts_with('@') {
            return problem(E::LeadingAt);
        }
        if has_equals {
            return problem(E::EqualsSign);
        }
        Ok(())
    }

    /// A `/-/` after a leading release is somebody's try to give a global ref a repo and a path.
    fn dash<'a>(&self, segment: &'a str, offset: usize) -> Result<(), Problem<'a>> {
        if segment == "-" && matches!(self.marker, Some((0, _))) {
            return Err(Problem { kind: E::GlobalPath, part: segment, offset });
        }
        Ok(())
    }

    fn finish(self, body: &str) -> Result<Document, Problem<'_>> {
        let prefix = if self.rooted { "./-/" } else { "" };
        // Everything was counted in the input; the canonical text may start earlier or later.
        let place = |offset: usize| {
            u16::try_from((prefix.len() + offset.min(body.len())).saturating_sub(self.skip))
                .unwrap_or(u16::MAX)
        };
        let package_end = if self.path_end > self.path_start || self.repo_end == 0 {
            self.path_end
        } else {
            self.repo_end + 2
        };
        let subpath = match self.kind {
            Some((kind, start)) => {
                let name = if self.call.is_some() { "call" } else { kind.as_str() };
                let end = start + name.len();
                if end >= body.len() {
                    let part = body.get(start..).unwrap_or_default();
                    return Err(Problem { kind: E::MissingSubpath, part, offset: start });
                }
                end + 1
            }
            None => body.len(),
        };
        let at = Parts {
            repo: if self.rooted { 1 } else { place(self.repo_end) * u16::from(self.repo_end > 0) },
            path_start: place(self.path_start),
            path_end: place(self.path_end),
            release_end: place(if self.marker.is_some() { self.release_end } else { package_end }),
            subpath: place(subpath),
            document_end: place(body.len()),
            marker: self.marker.map(|(start, marker)| (place(start), marker)),
            kind: self.kind.map(|(kind, _)| kind),
        };
        Ok(Document { prefix, skip: self.skip, end: body.len(), at, call: self.call })
    }
}

/// Refuses what no segment may be.
fn name(segment: &str, offset: usize) -> Result<(), Problem<'_>> {
    let kind = match segment {
        "" => E::EmptySegment,
        "." => E::DotSegment,
        ".." => E::ParentSegment,
        "-" => E::DashSegment,
        _ => return length(segment, offset),
    };
    Err(Problem { kind, part: segment, offset })
}

fn length(segment: &str, offset: usize) -> Result<(), Problem<'_>> {
    if segment.len() > Ref::MAX_SEGMENT_LEN {
        return Err(Problem { kind: E::SegmentTooLong, part: segment, offset });
    }
    Ok(())
}

/// Drops one trailing slash.
fn without_trailing_slash(text: &str, offset: usize) -> Result<&str, Problem<'_>> {
    let Some(body) = text.strip_suffix('/') else { return Ok(text) };
    if !body.ends_with('/') {
        return Ok(body);
    }
    let name = body.trim_end_matches('/');
    if text.get(..=name.len()).is_some_and(is_scheme) {
        return Err(Problem { kind: E::Scheme, part: text, offset });
    }
    let part = text.get(name.len()..).unwrap_or_default();
    Err(Problem { kind: E::TrailingSlashes, part, offset: offset + name.len() })
}

/// Whether `text` is the start of a URL up to its first slash: `https:/`.
fn is_scheme(text: &str) -> bool {
    text.strip_suffix(":/").is_some_and(|scheme| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
    })
}
