//! Where in the page one is: its URL, as a value.
//!
//! All of it is in the query, so the page works from any folder of any static host, and a reload or a
//! link comes back to the same place. The fragment names what is chosen on a screen.
//!
//! ```text
//! ?source=github:acme/releases&state=state&intent=intent&view=release&ref=acme/shop/-/web.ocu.star/@r4#deploy/prod/1
//! ```

use std::collections::BTreeMap;

use ocuroot_core::hosts::stores::Offered;
use ocuroot_core::order::Gather as _;
use ocuroot_core::{Marker, Ref};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

/// Where one is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Route {
    /// Which store.
    pub place: Place,
    /// As of which commit of the state branch; none for now.
    pub at: Option<String>,
    /// What is shown of it.
    pub screen: Screen,
    /// What the screen adds: filters, and the like.
    pub params: BTreeMap<String, String>,
}

/// Which store is looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// The first that `stores.json` names.
    #[default]
    Default,
    /// The one that `stores.json` calls so.
    Named(String),
    /// Given in full.
    Given(Offered),
}

/// What is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Screen {
    /// Packages and environments.
    #[default]
    Overview,
    /// One package.
    Package(Ref),
    /// One release, and one to compare it with.
    Release(Ref, Option<Ref>),
    /// All environments.
    Environments,
    /// One environment, and one to compare it with.
    Environment(String, Option<String>),
    /// Custom state and environments, as people set them.
    Custom,
    /// Documents: those that a glob finds, or one.
    Explorer(Option<Ref>),
    /// Intent beside state.
    Diff,
    /// The work that would be done now.
    Plan,
    /// The commits of the state branch.
    History,
    /// Edits to be proposed.
    Draft,
    /// Which store, and as whom.
    SignIn,
    /// None that there is: what the address calls it.
    Nowhere(String),
    /// The store that the address names is none, and why. No address leads here.
    NoSource(String),
}

impl Screen {
    /// The screen that shows what a ref names: its own, or that of its document.
    #[must_use]
    pub fn of(reference: &Ref) -> Screen {
        let document = reference.document();
        let path = document.subpath();
        if document.marker() == Some(Marker::Intent) {
            return Screen::Explorer(Some(reference.clone()));
        }
        match (document.release_number(), path) {
            (Some(_), "") => Screen::Release(document, None),
            (None, "") if document.marker().is_none() => Screen::Package(document),
            (None, _) => match document.as_str().strip_prefix("@/environment/") {
                Some(name) => Screen::Environment(name.to_owned(), None),
                None => Screen::Explorer(Some(reference.clone())),
            },
            _ => Screen::Explorer(Some(reference.clone())),
        }
    }
}

/// Names of parameters that a route has itself; a screen's own are all others.
const OWN: [&str; 14] = [
    "store",
    "source",
    "state",
    "intent",
    "intent_source",
    "api",
    "raw",
    "at",
    "view",
    "ref",
    "with",
    "name",
    "code",
    "error",
];

/// What a value in a query must not hold as it is. Refs stay legible.
const QUERY: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'&')
    .add(b'+')
    .add(b'<')
    .add(b'>')
    .add(b'\'')
    .add(b'`')
    .add(b'\\')
    .add(b'^')
    .add(b'{')
    .add(b'|')
    .add(b'}')
    .add(b'=');

impl Route {
    /// Reads the query of a URL, with or without its `?`. What does not make sense is left out; a view that
    /// is none, or lacks what it is about, leads [nowhere](Screen::Nowhere).
    #[must_use]
    pub fn parse(query: &str) -> Route {
        let mut values = pairs(query);
        let mut take = |name: &str| values.remove(name).filter(|value| !value.is_empty());
        let place = match (take("source"), take("store")) {
            (Some(source), _) => Place::Given(Offered {
                source,
                state: take("state"),
                intent: take("intent"),
                intent_source: take("intent_source"),
                api: take("api"),
                raw: take("raw"),
                ..Offered::default()
            }),
            (None, Some(name)) => Place::Named(name),
            (None, None) => Place::Default,
        };
        let at = take("at");
        let reference = |text: Option<String>| text.and_then(|text| text.parse::<Ref>().ok());
        let (view, document) = (take("view").unwrap_or_default(), reference(take("ref")));
        let (with, name) = (take("with"), take("name"));
        let screen = match (view.as_str(), document, name) {
            ("package", Some(package), _) => Screen::Package(package),
            // Also by the ref of a run in it.
            ("release", Some(run), _) => Screen::Release(run.release_ref(), reference(with)),
            ("environment", _, Some(name)) => Screen::Environment(name, with),
            ("environments" | "environment", ..) => Screen::Environments,
            ("custom", ..) => Screen::Custom,
            ("explorer", document, _) => Screen::Explorer(document),
            ("diff", ..) => Screen::Diff,
            ("plan", ..) => Screen::Plan,
            ("history", ..) => Screen::History,
            ("draft", ..) => Screen::Draft,
            ("signin", ..) => Screen::SignIn,
            ("" | "overview", ..) => Screen::Overview,
            (other, ..) => Screen::Nowhere(other.to_owned()),
        };
        values.retain(|name, value| !OWN.contains(&name.as_str()) && !value.is_empty());
        Route { place, at, screen, params: values }
    }

    /// The same place with another screen, without what the one before had added.
    #[must_use]
    pub fn to(&self, screen: Screen) -> Route {
        Route { screen, params: BTreeMap::new(), ..self.clone() }
    }

    /// The same place at another commit, or now.
    #[must_use]
    pub fn at(&self, commit: Option<String>) -> Route {
        Route { at: commit, ..self.clone() }
    }

    /// The same with a parameter of the screen set, or taken away where `value` is empty.
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> Route {
        let mut route = self.clone();
        if value.is_empty() {
            route.params.remove(name);
        } else {
            route.params.insert(name.to_owned(), value.to_owned());
        }
        route
    }

    /// A parameter of the screen; empty where it is not set.
    #[must_use]
    pub fn param(&self, name: &str) -> &str {
        self.params.get(name).map_or("", String::as_str)
    }
}

/// The query, with its `?`.
impl std::fmt::Display for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut query = Query { f, mark: '?' };
        match &self.place {
            Place::Default => {}
            Place::Named(name) => query.put("store", Some(name))?,
            Place::Given(given) => {
                query.put("source", Some(&given.source))?;
                for (name, value) in [
                    ("state", &given.state),
                    ("intent", &given.intent),
                    ("intent_source", &given.intent_source),
                    ("api", &given.api),
                    ("raw", &given.raw),
                ] {
                    query.put(name, value.as_deref())?;
                }
            }
        }
        query.put("at", self.at.as_deref())?;
        let (view, reference, name, with) = match &self.screen {
            Screen::Overview => (None, None, None, None),
            Screen::Package(package) => (Some("package"), Some(package), None, None),
            Screen::Release(release, with) => {
                (Some("release"), Some(release), None, with.as_ref().map(Ref::as_str))
            }
            Screen::Environments => (Some("environments"), None, None, None),
            Screen::Environment(name, with) => {
                (Some("environment"), None, Some(name.as_str()), with.as_deref())
            }
            Screen::Custom => (Some("custom"), None, None, None),
            Screen::Explorer(reference) => (Some("explorer"), reference.as_ref(), None, None),
            Screen::Diff => (Some("diff"), None, None, None),
            Screen::Plan => (Some("plan"), None, None, None),
            Screen::History => (Some("history"), None, None, None),
            Screen::Draft => (Some("draft"), None, None, None),
            Screen::SignIn => (Some("signin"), None, None, None),
            Screen::Nowhere(view) => (Some(view.as_str()), None, None, None),
            Screen::NoSource(_) => (None, None, None, None),
        };
        query.put("view", view)?;
        query.put("ref", reference.map(Ref::as_str))?;
        query.put("name", name)?;
        query.put("with", with)?;
        for (name, value) in &self.params {
            query.put(name, Some(value))?;
        }
        // A link without a query would be one to the page with the query that it has.
        if query.mark == '?' { f.write_str("?") } else { Ok(()) }
    }
}

struct Query<'a, 'f> {
    f: &'a mut std::fmt::Formatter<'f>,
    mark: char,
}

impl Query<'_, '_> {
    fn put(&mut self, name: &str, value: Option<&str>) -> std::fmt::Result {
        let Some(value) = value else { return Ok(()) };
        write!(self.f, "{}{name}={}", self.mark, utf8_percent_encode(value, QUERY))?;
        self.mark = '&';
        Ok(())
    }
}

/// The parameters of a query, decoded; of several with one name the last.
#[must_use]
pub fn pairs(query: &str) -> BTreeMap<String, String> {
    let decode = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    let query = query.strip_prefix('?').unwrap_or(query);
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .gather()
}

/// The text of a fragment, as it was before it was put into a URL.
#[must_use]
pub fn fragment(hash: &str) -> String {
    percent_decode_str(hash.strip_prefix('#').unwrap_or(hash)).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_what_was_read() {
        for query in [
            "?",
            "?store=acme/releases&view=plan",
            "?source=github:acme/releases&state=state&intent=intent&view=package&ref=acme/shop/-/web.ocu.star",
            "?at=9c41e7a&view=release&ref=acme/shop/-/web.ocu.star/@r4&with=acme/shop/-/web.ocu.star/@r3",
            "?source=local&view=environment&name=prod&with=staging",
            "?view=explorer&q=**/%2B/deploy/%7Bprod,qa%7D",
            "?view=explorer&ref=%2B/custom/a%20b%23output/x%26y",
            "?q=%2B%25%3D&show=failed",
        ] {
            let route = Route::parse(query);
            assert_eq!(route.to_string(), query);
            assert_eq!(Route::parse(&route.to_string()), route);
        }
    }

    #[test]
    fn what_makes_no_sense_is_left_out() {
        for (query, as_if) in [
            ("", "?"),
            ("view=overview", "?"),
            ("view=release", "?view=release"),
            ("view=release&ref=@@@", "?view=release"),
            ("view=package&ref=./-/a/../b", "?view=package"),
            ("view=release&ref=s/-/p/@r3/deploy/prod/1", "?view=release&ref=s/-/p/@r3"),
            ("view=environment", "?view=environments"),
            ("view=nothing&x=", "?view=nothing"),
            ("source=&store=&at=", "?"),
            ("store=a&source=local", "?source=local"),
            ("code=secret&view=plan", "?view=plan"),
            ("view=%ff%zz", "?view=%EF%BF%BD%25zz"),
        ] {
            assert_eq!(Route::parse(query).to_string(), as_if, "{query}");
        }
    }

    #[test]
    fn a_ref_has_the_screen_of_what_it_names() {
        for (reference, query) in [
            ("s/-/p", "?view=package&ref=s/-/p"),
            ("s/-/p/@r4", "?view=release&ref=s/-/p/@r4"),
            ("s/-/p/@r4#tags", "?view=release&ref=s/-/p/@r4"),
            ("@/environment/prod", "?view=environment&name=prod"),
            ("@/custom/freeze", "?view=explorer&ref=@/custom/freeze"),
            ("s/-/p/@r4/deploy/prod/1", "?view=explorer&ref=s/-/p/@r4/deploy/prod/1"),
            ("s/-/p/@r4/deploy/prod/1#output/url", "?view=explorer&ref=s/-/p/@r4/deploy/prod/1%23output/url"),
            // The newest release, whichever that is.
            ("s/-/p/@", "?view=explorer&ref=s/-/p/@"),
            ("s/-/p/@/deploy/prod", "?view=explorer&ref=s/-/p/@/deploy/prod"),
            // What is wanted is not what is.
            ("+/environment/prod", "?view=explorer&ref=%2B/environment/prod"),
            ("s/-/p/+/deploy/prod", "?view=explorer&ref=s/-/p/%2B/deploy/prod"),
        ] {
            let route = Route { screen: Screen::of(&reference.parse().unwrap()), ..Route::default() };
            assert_eq!(route.to_string(), query, "{reference}");
        }
    }

    #[test]
    fn another_screen_of_the_same_store() {
        let route = Route::parse("?store=a&at=1&view=explorer&q=x");
        assert_eq!(route.to(Screen::Plan).to_string(), "?store=a&at=1&view=plan");
        assert_eq!(route.at(None).with("q", "").to_string(), "?store=a&view=explorer");
        assert_eq!(fragment("#deploy/prod%20x/1:L20"), "deploy/prod x/1:L20");
    }
}
