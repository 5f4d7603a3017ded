//! The stores that this page offers, and the one that the address names.

use leptos::prelude::*;
use leptos::wasm_bindgen::{JsCast as _, JsValue};
use leptos::web_sys;
use ocuroot_core::hosts::Kind;
use ocuroot_core::hosts::host::is_loopback;
use ocuroot_core::hosts::stores::{self, Located, Offered};
use wasm_bindgen_futures::JsFuture;

use crate::route::Place;

/// Where `web/start.js` leaves the answer that will be the list of stores.
const LIST: &str = "ocurootStores";

/// What `stores.json` offers. Found in the context.
#[derive(Clone, Copy, Debug)]
pub struct Sources(pub RwSignal<Listed>);

/// What is known of `stores.json`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Listed {
    /// Not read yet.
    #[default]
    Reading,
    /// These; none where there is no such file.
    These(Vec<Offered>),
    /// There is one, and it does not read.
    Broken(String),
}

/// The store that is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Looked {
    /// It is not known yet.
    NotYet,
    /// Nobody has said.
    Nothing,
    /// Here.
    At(Box<Located>),
    /// What was said leads nowhere.
    Wrong(String),
}

impl Listed {
    /// The store that a place names.
    #[must_use]
    pub fn look(&self, place: &Place) -> Looked {
        let offered = match (place, self) {
            (Place::Given(given), _) => given,
            (_, Listed::Reading) => return Looked::NotYet,
            (_, Listed::Broken(why)) => return Looked::Wrong(why.clone()),
            (Place::Default, Listed::These(all)) => match all.first() {
                Some(first) => first,
                None => return Looked::Nothing,
            },
            (Place::Named(name), Listed::These(all)) => {
                match all.iter().find(|store| store.title() == name) {
                    Some(store) => store,
                    None => return Looked::Wrong(format!("stores.json offers no store called {name}.")),
                }
            }
        };
        match offered.locate() {
            Ok(located) if matches!(place, Place::Given(_)) => self.check(located),
            Ok(located) => Looked::At(Box::new(located)),
            Err(error) => Looked::Wrong(error.to_string()),
        }
    }
}

impl Listed {
    /// Whether the page reads nothing but the store of the program that serves it: `ocuroot state view`.
    #[must_use]
    pub fn is_local(&self) -> bool {
        let Listed::These(all) = self else { return false };
        !all.is_empty() && all.iter().all(|store| store.source == Kind::Local.word())
    }

    /// Whether the program that serves the page has a store for it.
    #[must_use]
    pub fn has_local(&self) -> bool {
        let Listed::These(all) = self else { return false };
        all.iter().any(|store| store.source == Kind::Local.word())
    }

    /// A link may say where the API of a host is only if that is this machine, or where a store is that the
    /// page offers: else a link could send what one reads and who one is to anybody.
    fn check(&self, located: Located) -> Looked {
        let foreign = [&located.state.host, &located.intent.host].into_iter().find(|host| !host.is_derived());
        let Some(origin) = foreign.and_then(|host| stores::origin(&host.api)) else {
            return Looked::At(Box::new(located));
        };
        let name = origin.split_once("://").map_or(origin, |(_, name)| name);
        match self {
            _ if is_loopback(name) => Looked::At(Box::new(located)),
            Listed::Reading => Looked::NotYet,
            Listed::These(all) if stores::origins(all).iter().any(|known| known == origin) => {
                Looked::At(Box::new(located))
            }
            _ => Looked::Wrong(format!(
                "This link names {origin} as the API of {}. The page takes that from its stores.json only.",
                located.state.host.source
            )),
        }
    }
}

/// Reads `stores.json`, which lies beside the page if there is one.
pub async fn list() -> Listed {
    match fetch().await {
        Ok(Some(text)) => match stores::parse(text.as_bytes()) {
            Ok(stores) => Listed::These(stores),
            Err(error) => Listed::Broken(error.to_string()),
        },
        // A page without one is a page whose URL says what to look at.
        Ok(None) | Err(_) => Listed::These(Vec::new()),
    }
}

/// The file beside the page. None where there is none.
async fn fetch() -> Result<Option<String>, JsValue> {
    // What started the app has asked for it already.
    let asked = js_sys::Reflect::get(&window(), &JsValue::from_str(LIST))?;
    let asked = asked.dyn_into::<js_sys::Promise>().unwrap_or_else(|_| window().fetch_with_str(stores::FILE));
    let response: web_sys::Response = JsFuture::from(asked).await?.dyn_into()?;
    // Hosts that answer every path with a page of theirs do not mean this one.
    let is_page = response.headers().get("content-type")?.is_some_and(|kind| kind.starts_with("text/html"));
    if !response.ok() || is_page {
        return Ok(None);
    }
    Ok(JsFuture::from(response.text()?).await?.as_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_reads_nothing_but_the_store_beside_it() {
        let these = |sources: &[&str]| {
            let offer = |source: &&str| Offered { source: (*source).into(), ..Offered::default() };
            Listed::These(sources.iter().map(offer).collect())
        };
        assert!(these(&["local"]).is_local());
        for other in [these(&[]), these(&["local", "github:a/b"]), these(&["github:a/b"]), Listed::Reading] {
            assert!(!other.is_local(), "{other:?}");
        }
    }

    #[test]
    fn the_store_that_is_looked_at() {
        let offer = |source: &str| Offered { source: source.into(), ..Offered::default() };
        let these =
            Listed::These(vec![offer("github:a/b"), Offered { name: "two".into(), ..offer("local") }]);
        let name = |looked: Looked| match looked {
            Looked::At(located) => located.name,
            other => format!("{other:?}"),
        };
        let named = |name: &str| Place::Named(name.into());
        for (listed, place, found) in [
            (&these, Place::Default, "a/b"),
            (&these, named("two"), "two"),
            (&these, named("a/b"), "a/b"),
            (&these, named("three"), "Wrong(\"stores.json offers no store called three.\")"),
            (&Listed::Reading, Place::Default, "NotYet"),
            (&Listed::Reading, Place::Given(offer("gitlab:h.dev/c/d")), "h.dev/c/d"),
            (&Listed::These(vec![]), Place::Default, "Nothing"),
            (&Listed::Broken("why".into()), Place::Default, "Wrong(\"why\")"),
        ] {
            assert_eq!(name(listed.look(&place)), found);
        }
        assert!(matches!(these.look(&Place::Given(offer("a/b"))), Looked::Wrong(_)));
    }

    #[test]
    fn a_link_names_no_api_that_the_page_does_not_know() {
        let at = |source: &str, api: &str| Offered {
            source: source.into(),
            api: Some(api.into()),
            ..Offered::default()
        };
        let these = Listed::These(vec![at("gitlab:git.acme.dev/a/b", "https://api.acme.dev/api/v4")]);
        for (source, api, known) in [
            ("gitlab:gitlab.com/a/b", "https://evil.dev/api/v4", false),
            ("gitlab:evil.dev/a/b", "https://gitlab.com/api/v4", false),
            ("github:a/b", "https://127.0.0.1.evil.dev", false),
            ("github:a/b", "http://127.0.0.1:9", true),
            ("github:a/b", "https://api.github.com", true),
            ("gitlab:git.acme.dev/c/d", "https://api.acme.dev/api/v4", true),
        ] {
            let looked = these.look(&Place::Given(at(source, api)));
            assert_eq!(matches!(looked, Looked::At(_)), known, "{source} {api}");
            assert!(known || Listed::Reading.look(&Place::Given(at(source, api))) == Looked::NotYet);
        }
    }
}
